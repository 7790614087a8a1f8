"""Build every resource of the API: operations, requests, problem details."""

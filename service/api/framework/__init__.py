"""What every resource of the API is built from: operations, requests, problem details."""

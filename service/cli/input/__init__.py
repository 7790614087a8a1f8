"""Read what commands are given beside a data folder: options of a scope, files of rules."""

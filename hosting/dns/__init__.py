"""Is a domain's DNS as mail needs it: expected × observed → findings, each with what to do."""

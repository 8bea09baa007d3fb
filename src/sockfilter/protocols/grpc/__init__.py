"""gRPC and gRPC-Web, which HTTP carries: cuts messages from the content of requests and responses."""

"""What a person looks at: figures of queries."""

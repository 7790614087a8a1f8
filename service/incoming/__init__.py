"""Take in what learning management systems tell: webhooks, queues, letters, sources."""

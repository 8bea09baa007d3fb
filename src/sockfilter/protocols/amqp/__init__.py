"""AMQP 0-9-1, with the extensions of RabbitMQ."""

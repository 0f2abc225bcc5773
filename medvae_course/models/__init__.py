"""From arrays to models: losses in nats, autoencoders, variational autoencoders."""

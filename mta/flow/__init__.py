"""What happens to a message: received, submitted, bounced. Named steps that pass one value along."""

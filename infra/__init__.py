"""CDK constructs and stacks of a deployment."""

"""From news on a queue to what people see: each told once, in its order, whatever fails on the way."""

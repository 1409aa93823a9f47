"""Map the models on the simulated bill to the model IDs with which callers invoke them.

CloudWatch metrics and invocation logs name a model by this ID.
"""

# Model ID by a part of the meter or of the service's name. Models that need an inference profile have the ID of a
# profile: https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
MODEL_IDS = {
    "NovaMicro": "amazon.nova-micro-v1:0",
    "Nova2.0Lite": "global.amazon.nova-2-lite-v1:0",
    "TitanText-Premier": "amazon.titan-text-premier-v1:0",
    "Claude3Haiku": "anthropic.claude-3-haiku-20240307-v1:0",
    "Claude4Sonnet": "global.anthropic.claude-sonnet-4-20250514-v1:0",
    "Llama3-1-405B": "meta.llama3-1-405b-instruct-v1:0",
    "Claude Haiku 4.5": "global.anthropic.claude-haiku-4-5-20251001-v1:0",
    "Claude Sonnet 4.5": "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "Claude Opus 5.5": "global.anthropic.claude-opus-5-5",
    "OpenAI GPT-5.6 Sol": "openai.gpt-5.6-sol",
}

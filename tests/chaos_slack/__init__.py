"""Workers that tell Slack of everything, killed while they do: what arrives there, how often, in which order."""

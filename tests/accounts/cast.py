"""Keys of no one, recognisable wherever they turn up."""

ALPHA_KEY = "sk-ant-api03-CANARY-alpha-0123456789abcdefghijklmnopqrstuvwxyz-AAAA"
BETA_KEY = "sk-ant-api03-CANARY-beta-0123456789abcdefghijklmnopqrstuvwxyz-BBBB"
GAMMA_KEY = "sk-ant-api03-CANARY-gamma-0123456789abcdefghijklmnopqrstuvwxyz-CCCC"
DELTA_KEY = "sk-ant-api03-CANARY-delta-0123456789abcdefghijklmnopqrstuvwxyz-DDDD"

OLD = "0f" * 32
NEW = "a1b2c3d4" * 8

"""``python -m homespun_finetune.adapt``."""

from homespun_finetune.adapt.command import main

main()

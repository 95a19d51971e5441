"""Lists of stimuli as the programs that present them read them."""

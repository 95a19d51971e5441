"""What describes a bundle to people and to programs that know none of this toolbox."""

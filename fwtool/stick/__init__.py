"""The USB stick: a folder that nobody vouches for, with signed packages in it."""

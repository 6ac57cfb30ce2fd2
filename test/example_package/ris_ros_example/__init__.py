"""Extends ris_ros by a proposer, an encoder, a global path, a data set and a parser."""

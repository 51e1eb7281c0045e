"""The ZVT protocol between a host (cash register, ECR) and a payment terminal (PT): its maintenance commands as pure code.

Bytes to records and back, and both link layers without a port or a clock. What to say when is the business of a dialect.

Sources, named in the modules as S and X: ZVT command specification PA00P015 rev. 13.08 (2018), transport specification
PA00P016 rev. 04 (2016); K: clarifications of the acquirer card complete, v22 (2020); E: the open implementation
EVerest/zvt, seen with Feig cVEND terminals; R: the open implementation ecrterm. What is spoken: docs/protocol/zvt.md.
"""

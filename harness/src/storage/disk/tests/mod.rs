//! Each rule of a disk by itself, and all of them against a model.

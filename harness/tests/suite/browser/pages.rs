//! The pages of real runs, one of each kind.

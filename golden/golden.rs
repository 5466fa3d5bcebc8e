//! The golden files as tests.

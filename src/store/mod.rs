//! Layer 3: the durable truth, behind one trait. Policy and protocols are unknown here.

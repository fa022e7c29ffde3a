//! Secrets that cannot be printed, cloned or compared in variable time.
//!
//! None of these types has `Debug`, `Display`, `Clone`, `PartialEq` or `Serialize`, so a line of code
//! that would leak one does not compile. All are wiped when dropped.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub struct $name(Box<[u8]>);

        impl $name {
            /// Takes the bytes over; the caller's own copy, if any, is the caller's to wipe.
            pub fn new(bytes: impl Into<Box<[u8]>>) -> $name {
                $name(bytes.into())
            }

            /// The bytes, for the one function that needs them. Never to be logged or stored.
            pub fn expose(&self) -> &[u8] {
                &self.0
            }

            /// Whether `other` holds the same bytes, in time that depends on the lengths only.
            pub fn same_as(&self, other: &[u8]) -> bool {
                self.0.ct_eq(other).into()
            }
        }
    };
}

secret! {
    /// A PIN as a member types it: any bytes, as they came from the wire.
    Pin
}
secret! {
    /// The secret shared with a RADIUS client (RFC 2865 section 3).
    SharedSecret
}
secret! {
    /// A stored hash of a PIN with its scheme in front, such as `{SSHA}…` (RFC 2307) or
    /// `{ARGON2}$argon2id$…`. As good as a PIN to whoever can guess, so treated as one.
    PinHash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a type has a trait: the inherent constant wins where its bound holds.
    struct Has<T>(std::marker::PhantomData<T>);

    trait Otherwise {
        const DEBUG: bool = false;
        const DISPLAY: bool = false;
        const CLONE: bool = false;
        const EQUAL: bool = false;
    }

    impl<T> Otherwise for Has<T> {}

    impl<T: std::fmt::Debug> Has<T> {
        const DEBUG: bool = true;
    }

    impl<T: std::fmt::Display> Has<T> {
        const DISPLAY: bool = true;
    }

    impl<T: Clone> Has<T> {
        const CLONE: bool = true;
    }

    impl<T: PartialEq> Has<T> {
        const EQUAL: bool = true;
    }

    macro_rules! traits {
        ($name:ty) => {
            [
                Has::<$name>::DEBUG,
                Has::<$name>::DISPLAY,
                Has::<$name>::CLONE,
                Has::<$name>::EQUAL,
            ]
        };
    }

    #[test]
    fn a_secret_can_be_neither_printed_nor_copied_nor_compared_carelessly() {
        assert_eq!(traits!(String), [true; 4], "the test can tell");
        assert_eq!(traits!(Pin), [false; 4]);
        assert_eq!(traits!(SharedSecret), [false; 4]);
        assert_eq!(traits!(PinHash), [false; 4]);
    }

    #[test]
    fn a_pin_is_the_same_as_its_own_bytes_only() {
        let pin = Pin::new(*b"abcdef-7");
        assert!(pin.same_as(b"abcdef-7"));
        assert!(!pin.same_as(b"abcdef-8"));
        assert!(!pin.same_as(b"abcdef-"));
    }
}

//! Which sessions a connection can be brought to serve.

use crate::pool::Reach;
use crate::session::ReplayState;

impl Reach for ReplayState {
    /// A selected schema cannot be unselected; all else a SET brings.
    fn reaches(&self, to: &Self) -> bool {
        to.schema().is_some() || self.schema().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_cannot_be_unselected() {
        let state = |schema: Option<&[u8]>| ReplayState::with_schema(schema);
        let (none, a, b) = (state(None), state(Some(b"a")), state(Some(b"b")));
        assert!(none.reaches(&a) && a.reaches(&b) && a.reaches(&a) && none.reaches(&none));
        assert!(!a.reaches(&none));
    }
}

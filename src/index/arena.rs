//! The packed entries of a base, back to back in chunks that are never moved: one row of bytes for all would
//! be copied each time it grew, and its pages cleared by the kernel once more.

/// The packed entries of one base. Immutable once built.
#[derive(Default)]
pub(super) struct Arena {
    chunks: Vec<Vec<u8>>,
}

/// Where an entry begins in an [`Arena`]; it knows its own end.
#[derive(Clone, Copy)]
pub(super) struct EntryStart {
    chunk: u32,
    offset: u32,
}

/// A chunk that has come so far takes no more entries.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// What a chunk has room for beyond that: most entries that begin just below the mark.
const LAST_ENTRY_BYTES: usize = 64 * 1024;

impl Arena {
    /// The place of the next entry, and where to append its bytes.
    pub(super) fn next(&mut self) -> (EntryStart, &mut Vec<u8>) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() >= CHUNK_BYTES) {
            // A small directory fills no chunk: the first one grows.
            let room = if self.chunks.is_empty() {
                0
            } else {
                CHUNK_BYTES + LAST_ENTRY_BYTES
            };
            self.chunks.push(Vec::with_capacity(room));
        }
        let at = self.chunks.len() - 1;
        let chunk = &mut self.chunks[at];
        let place = EntryStart {
            chunk: at as u32,
            offset: chunk.len() as u32,
        };
        (place, chunk)
    }

    /// The bytes from `place` on; none for a place that was never handed out.
    #[inline]
    pub(super) fn at(&self, place: EntryStart) -> &[u8] {
        let chunk = self.chunks.get(place.chunk as usize);
        chunk
            .and_then(|chunk| chunk.get(place.offset as usize..))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_where_they_were_put_in_any_chunk() {
        let mut arena = Arena::default();
        let lengths = [1, CHUNK_BYTES, 2, CHUNK_BYTES + 5 * LAST_ENTRY_BYTES, 3];
        let places: Vec<EntryStart> = lengths
            .iter()
            .zip(1..)
            .map(|(length, byte)| {
                let (place, bytes) = arena.next();
                bytes.resize(bytes.len() + length, byte);
                place
            })
            .collect();
        for ((place, length), byte) in places.iter().zip(lengths).zip(1..) {
            assert_eq!(arena.at(*place)[..length], vec![byte; length]);
        }
        assert_eq!(places[4].chunk, 2);
        let nowhere = EntryStart { chunk: 9, offset: 0 };
        assert!(arena.at(nowhere).is_empty());
    }
}

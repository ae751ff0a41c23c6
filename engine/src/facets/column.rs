//! One number for each row, in pieces that generations share.

use std::sync::Arc;

/// Rows of a piece.
const PIECE: usize = 4096;

/// Stands for nothing.
const NONE: i64 = i64::MIN;

/// A number for each row, or nothing. Clones share the pieces that are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    pieces: Vec<Arc<[i64; PIECE]>>,
}

impl Column {
    pub(super) fn set(&mut self, row: u32, value: Option<i64>) {
        let (piece, at) = (row as usize / PIECE, row as usize % PIECE);
        if piece >= self.pieces.len() {
            if value.is_none() {
                return;
            }
            self.pieces
                .resize_with(piece + 1, || Arc::new([NONE; PIECE]));
        }
        let piece = &mut self.pieces[piece];
        let value = value.unwrap_or(NONE);
        if piece[at] != value {
            Arc::make_mut(piece)[at] = value;
        }
    }

    pub(super) fn get(&self, row: u32) -> Option<i64> {
        let piece = self.pieces.get(row as usize / PIECE)?;
        Some(piece[row as usize % PIECE]).filter(|value| *value != NONE)
    }
}

//! One file of the store: written with `pwrite`, read through a mapping of its
//! whole length. Writing that way makes a full disk an error; a store through
//! the mapping would make it a SIGBUS. Knows neither rows nor formats.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memmap2::{Advice, MmapOptions, MmapRaw};

use super::VectorError;

/// A file, mapped read-only and shared: what is written is seen at once.
#[derive(Debug)]
pub(super) struct Mapped {
    path: PathBuf,
    file: File,
    map: MmapRaw,
}

impl Mapped {
    /// Makes the file `len` bytes long, which costs no disk space on a
    /// filesystem with sparse files, and maps it. The length never changes
    /// again, so the mapping stays good while rows are added.
    pub(super) fn new(file: File, path: &Path, len: usize) -> Result<Self, VectorError> {
        file.set_len(len as u64)
            .map_err(VectorError::io("set the length of", path))?;
        let map = MmapOptions::new()
            .len(len)
            .map_raw_read_only(&file)
            .map_err(VectorError::io("map", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            map,
        })
    }

    /// Writes all of `bytes` at offset `at`.
    pub(super) fn write(&self, bytes: &[u8], at: usize) -> Result<(), VectorError> {
        let written = self.file.write_all_at(bytes, at as u64);
        written.map_err(VectorError::io("write to", &self.path))
    }

    /// Fills `bytes` from offset `at`, without the mapping.
    pub(super) fn read(&self, bytes: &mut [u8], at: usize) -> Result<(), VectorError> {
        let read = self.file.read_exact_at(bytes, at as u64);
        read.map_err(VectorError::io("read", &self.path))
    }

    /// Returns when what was written is on the disk.
    pub(super) fn sync(&self) -> Result<(), VectorError> {
        self.file
            .sync_data()
            .map_err(VectorError::io("sync", &self.path))
    }

    /// The bytes from `at`, `len` of them; none where the file has not that many.
    ///
    /// # Safety
    /// Nobody may [`write`](Self::write) to these bytes while the slice lives,
    /// through this value or another that has the same file open. (What is not
    /// semfs and writes to the files of its index is beyond any promise.)
    pub(super) unsafe fn bytes(&self, at: usize, len: usize) -> &[u8] {
        if at.checked_add(len).is_none_or(|end| end > self.map.len()) {
            return &[];
        }
        // SAFETY: the range lies in the mapping, which lives as long as `self`;
        // the file is as long as the mapping (`new`) and no code of ours makes
        // it shorter; nobody writes to the range (the caller's promise).
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(at), len) }
    }

    /// Asks the kernel to read these bytes ahead of their use.
    pub(super) fn will_need(&self, at: usize, len: usize) {
        // Only a hint: where it fails, the bytes are read when they are used.
        let _ = self.map.advise_range(Advice::WillNeed, at, len);
    }

    /// Puts another file behind the mapping, to see writes or syncs fail.
    #[cfg(test)]
    pub(super) fn swap_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }
}

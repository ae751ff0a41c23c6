//! Brings the two files of a segment into a state to work with: new ones are
//! made, existing ones checked, and codes that cannot be trusted computed again
//! from the full vectors. Knows headers and rows, not who reads them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::VectorError;
use super::codes::quantise;
use super::layout::{self, Family, HASH, HEADER, Layout};
use super::mapped::Mapped;
use super::segment::floats;

/// Rows that are read at a time to compute their codes.
const BATCH: u32 = 256;

/// A file of full vectors, or how far it falls short.
pub(super) enum Full {
    /// All rows asked for are there.
    Whole(Mapped),
    /// Only this many are.
    Short(u32),
}

/// Makes an empty file of the store. One that is there already is unlinked and
/// not cut short: where a reader still maps it, that would be a trap.
pub(super) fn create(
    dir: &Path,
    layout: &Layout,
    family: Family,
    number: u32,
) -> Result<Mapped, VectorError> {
    create_at(&family.path(dir, number), layout, family, number)
}

fn create_at(
    path: &Path,
    layout: &Layout,
    family: Family,
    number: u32,
) -> Result<Mapped, VectorError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(VectorError::io("remove", path)(error));
        }
        _ => {}
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path);
    let file = file.map_err(VectorError::io("create", path))?;
    let mapped = Mapped::new(file, path, layout.file_len(family))?;
    mapped.write(&layout.header(family, number), 0)?;
    Ok(mapped)
}

/// Opens a file of full vectors in which the first `rows` rows (at least 1) are
/// to be found.
pub(super) fn open_full(
    dir: &Path,
    layout: &Layout,
    number: u32,
    rows: u32,
) -> Result<Full, VectorError> {
    let path = Family::Full.path(dir, number);
    let Some((file, len)) = open(&path)? else {
        return Ok(Full::Short(0));
    };
    let Some(beyond_header) = len.checked_sub(HEADER as u64) else {
        return Ok(Full::Short(0));
    };
    layout.check(&header(&file, &path)?, Family::Full, number, &path)?;
    let fits = beyond_header / layout.full_stride() as u64;
    if fits < u64::from(rows) {
        return Ok(Full::Short(fits as u32));
    }
    // Longer than its rows need but too short for the mapping: made whole there.
    let full = Mapped::new(file, &path, layout.file_len(Family::Full))?;

    // A file that kept its length but lost its data reads as zeros, which no
    // row is. Rows are written in order, so the last one tells.
    if !is_unwritten(&full, layout, rows - 1)? {
        return Ok(Full::Whole(full));
    }
    let (mut present, mut unwritten) = (0, rows - 1);
    while present < unwritten {
        let middle = present + (unwritten - present) / 2;
        if is_unwritten(&full, layout, middle)? {
            unwritten = middle;
        } else {
            present = middle + 1;
        }
    }
    Ok(Full::Short(present))
}

/// Whether nothing was ever written to a row.
fn is_unwritten(full: &Mapped, layout: &Layout, row: u32) -> Result<bool, VectorError> {
    let mut bytes = vec![0; layout.full_stride()];
    full.read(&mut bytes, layout.full_at(row))?;
    Ok(bytes.iter().all(|&byte| byte == 0))
}

/// Opens a file of codes, if it has those of the first `rows` rows (at least 1)
/// of `full`. Rows are written in order, so the last one tells.
pub(super) fn open_codes(
    dir: &Path,
    layout: &Layout,
    number: u32,
    rows: u32,
    full: &Mapped,
) -> Result<Option<Mapped>, VectorError> {
    let path = Family::Codes.path(dir, number);
    let Some((file, len)) = open(&path)? else {
        return Ok(None);
    };
    let expected = layout.file_len(Family::Codes);
    if len != expected as u64
        || layout
            .check(&header(&file, &path)?, Family::Codes, number, &path)
            .is_err()
    {
        return Ok(None);
    }
    let codes = Mapped::new(file, &path, expected)?;

    let last = rows - 1;
    let mut stored = vec![0; layout.full_stride()];
    full.read(&mut stored, layout.full_at(last))?;
    let mut vector = vec![0.0; layout.dim];
    floats(&stored[HASH..], &mut vector);
    let mut expected = vec![0; layout.code_stride()];
    let expected_scale = quantise(&vector, &mut expected);

    let mut code = vec![0; layout.code_stride()];
    codes.read(&mut code, layout.codes_at(last))?;
    let mut scale = [0; 4];
    codes.read(&mut scale, layout.scale_at(last))?;
    let good = code == expected && scale == expected_scale.to_le_bytes();
    Ok(good.then_some(codes))
}

/// Computes the codes of the first `rows` rows again. The file gets its name
/// when it is complete and on the disk, so a crash on the way changes nothing.
pub(super) fn rebuild_codes(
    dir: &Path,
    layout: &Layout,
    number: u32,
    rows: u32,
    full: &Mapped,
) -> Result<Mapped, VectorError> {
    let path = Family::Codes.path(dir, number);
    let unfinished = path.with_extension("i8.new");
    let codes = create_at(&unfinished, layout, Family::Codes, number)?;

    let (stride, code_stride) = (layout.full_stride(), layout.code_stride());
    let mut stored = vec![0; BATCH as usize * stride];
    let mut code = vec![0; BATCH as usize * code_stride];
    let mut vector = vec![0.0; layout.dim];
    for start in (0..rows).step_by(BATCH as usize) {
        let count = BATCH.min(rows - start) as usize;
        full.read(&mut stored[..count * stride], layout.full_at(start))?;
        let mut scales = Vec::with_capacity(count * size_of::<f32>());
        for (row, code) in stored
            .chunks_exact(stride)
            .zip(code.chunks_exact_mut(code_stride))
            .take(count)
        {
            floats(&row[HASH..], &mut vector);
            scales.extend(quantise(&vector, code).to_le_bytes());
        }
        codes.write(&code[..count * code_stride], layout.codes_at(start))?;
        codes.write(&scales, layout.scale_at(start))?;
    }
    codes.sync()?;
    fs::rename(&unfinished, &path).map_err(VectorError::io("put in place", &path))?;
    sync_dir(dir)?;
    Ok(codes)
}

/// Checks a header that is there but of which no row is committed: it may be
/// absent or half written, but not of another model, dimension or later version.
pub(super) fn check_leftover(dir: &Path, layout: &Layout) -> Result<(), VectorError> {
    let path = Family::Full.path(dir, 0);
    match open(&path)? {
        Some((file, len)) if len >= HEADER as u64 => {
            match layout.check(&header(&file, &path)?, Family::Full, 0, &path) {
                Err(VectorError::Damaged { .. }) => Ok(()),
                other => other,
            }
        }
        _ => Ok(()),
    }
}

/// Whose vectors the store in `dir` holds; nothing where there are none.
pub(super) fn identify(dir: &Path) -> Result<Option<([u8; 32], usize)>, VectorError> {
    let path = Family::Full.path(dir, 0);
    match open(&path)? {
        Some((file, len)) if len >= HEADER as u64 => {
            layout::identify(&header(&file, &path)?, &path).map(Some)
        }
        _ => Ok(None),
    }
}

/// Makes sure that the names of new files survive a power cut.
pub(super) fn sync_dir(dir: &Path) -> Result<(), VectorError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(VectorError::io("sync", dir))
}

/// Opens a file with its length, or nothing where there is none.
fn open(path: &Path) -> Result<Option<(File, u64)>, VectorError> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(VectorError::io("open", path))?,
    };
    let len = file
        .metadata()
        .map_err(VectorError::io("look at", path))?
        .len();
    Ok(Some((file, len)))
}

fn header(file: &File, path: &Path) -> Result<[u8; HEADER], VectorError> {
    let mut page = [0; HEADER];
    file.read_exact_at(&mut page, 0)
        .map_err(VectorError::io("read the header of", path))?;
    Ok(page)
}

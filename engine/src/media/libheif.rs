//! libheif, if it is installed: the dozen functions of its C interface that are needed.
//!
//! It is loaded when the program runs, so that semfs needs it neither to be built nor to
//! start. What its functions mean is in libheif's own `heif.h`; the interface has been
//! stable since 1.13, and what came later is looked up and may be missing.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};

/// The name under which every distribution has it.
const NAME: &str = "libheif.so.1";

/// `enum heif_compression_format`.
const HEVC: c_int = 1;
const AV1: c_int = 4;

/// `heif_colorspace_RGB`.
const RGB: c_int = 1;
/// `heif_chroma_interleaved_RGB` and `heif_chroma_interleaved_RGBA`: 8 bits each.
const INTERLEAVED_RGB: c_int = 10;
const INTERLEAVED_RGBA: c_int = 11;
/// `heif_channel_interleaved`.
const INTERLEAVED: c_int = 10;

/// `heif_suberror_Unsupported_codec`.
const UNSUPPORTED_CODEC: c_int = 3000;
/// `heif_error_Unsupported_filetype` and `heif_error_Unsupported_feature`.
const UNSUPPORTED: std::ops::RangeInclusive<c_int> = 3..=4;

/// The most thumbnails of one picture that are looked at.
const THUMBNAILS: usize = 16;

/// The most tiles of one picture, and other parts, that are decoded.
const PARTS: u32 = 20_000;

/// `struct heif_error`.
#[repr(C)]
struct Outcome {
    code: c_int,
    subcode: c_int,
    message: *const c_char,
}

/// `struct heif_security_limits`, version 1 (libheif 1.19).
#[repr(C)]
struct SecurityLimits {
    version: u8,
    max_image_size_pixels: u64,
    max_number_of_tiles: u64,
    max_bayer_pattern_pixels: u32,
    max_items: u32,
    max_color_profile_size: u32,
    max_memory_block_size: u64,
}

/// What libheif could not do.
#[derive(Debug)]
pub(super) enum HeifError {
    /// It has no decoder for what is in the file.
    Codec,
    /// Its own words.
    Words(String),
}

/// An object of libheif's.
type Object = *mut c_void;

/// Declares the table of functions and how it is filled from the library.
macro_rules! functions {
    ($($field:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        #[allow(non_snake_case)]
        /// The functions, as `heif.h` declares them. They are C++ inside, and an exception
        /// that leaves one is not undefined behaviour but the end of the worker.
        struct Functions {
            $($field: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn of(library: &Loaded) -> Option<Self> {
                Some(Self {
                    $($field: {
                        let name = concat!("heif_", stringify!($field));
                        // SAFETY: this is the type of this function in `heif.h`.
                        *unsafe { library.get(name) }.ok()?
                    },)*
                })
            }
        }
    };
}

functions! {
    init: fn(*mut c_void) -> Outcome;
    deinit: fn();
    have_decoder_for_format: fn(c_int) -> c_int;
    context_alloc: fn() -> Object;
    context_free: fn(Object);
    context_read_from_memory_without_copy: fn(Object, *const c_void, usize, *const c_void) -> Outcome;
    context_set_maximum_image_size_limit: fn(Object, c_int);
    context_get_primary_image_handle: fn(Object, *mut Object) -> Outcome;
    image_handle_release: fn(Object);
    image_handle_get_width: fn(Object) -> c_int;
    image_handle_get_height: fn(Object) -> c_int;
    image_handle_has_alpha_channel: fn(Object) -> c_int;
    image_handle_get_list_of_thumbnail_IDs: fn(Object, *mut u32, c_int) -> c_int;
    image_handle_get_thumbnail: fn(Object, u32, *mut Object) -> Outcome;
    decode_image: fn(Object, *mut Object, c_int, c_int, *const c_void) -> Outcome;
    image_release: fn(Object);
    image_get_width: fn(Object, c_int) -> c_int;
    image_get_height: fn(Object, c_int) -> c_int;
    image_get_plane_readonly: fn(Object, c_int, *mut c_int) -> *const u8;
}

type SetThreads = unsafe extern "C-unwind" fn(Object, c_int);
type GetLimits = unsafe extern "C-unwind" fn(Object) -> *mut SecurityLimits;

/// libheif, loaded and initialised.
pub(super) struct Library {
    functions: Functions,
    /// Since 1.13.
    set_threads: Option<SetThreads>,
    /// Since 1.19.
    get_limits: Option<GetLimits>,
    /// Keeps the code where it is.
    loaded: Loaded,
}

/// libheif; nothing where it is not installed. The first call loads it, with its plugins,
/// for as long as the process lives.
pub(super) fn library() -> Option<&'static Library> {
    static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
    LIBRARY.get_or_init(Library::load).as_ref()
}

/// Which decoders are installed now, as bits: 1 HEVC, 2 AV1. Loads libheif for a moment.
pub(super) fn decoders() -> u64 {
    let Some(library) = Library::load() else {
        return 0;
    };
    let bits = u64::from(library.decodes(HEVC)) | u64::from(library.decodes(AV1)) << 1;
    // SAFETY: it was initialised, once, by this load, and nothing of it is in use.
    unsafe { (library.functions.deinit)() };
    let Library { loaded, .. } = library;
    // One that cannot be unloaded stays, and does no harm.
    let _ = loaded.close();
    bits
}

impl Library {
    fn load() -> Option<Self> {
        // SAFETY: a library of the system's, as trusted as the C library: what it runs
        // when it is loaded, it runs in every program that links with it.
        let loaded = unsafe { Loaded::open(Some(NAME), RTLD_NOW | RTLD_LOCAL) }.ok()?;
        let functions = Functions::of(&loaded)?;
        // SAFETY: the types of these functions in `heif.h`.
        let set_threads = unsafe { loaded.get("heif_context_set_max_decoding_threads") };
        // SAFETY: as above.
        let get_limits = unsafe { loaded.get("heif_context_get_security_limits") };
        let library = Self {
            set_threads: set_threads.ok().map(|function| *function),
            get_limits: get_limits.ok().map(|function| *function),
            functions,
            loaded,
        };
        // SAFETY: a null pointer asks for the defaults. It loads the plugins.
        let outcome = unsafe { (library.functions.init)(ptr::null_mut()) };
        result(&outcome).ok().map(|()| library)
    }

    fn decodes(&self, format: c_int) -> bool {
        // SAFETY: it takes any number.
        unsafe { (self.functions.have_decoder_for_format)(format) != 0 }
    }

    /// Reads the structure of a file. Nothing is decoded yet.
    pub(super) fn open<'b>(
        &'static self,
        bytes: &'b [u8],
        pixels: u64,
        memory: u64,
    ) -> Result<Container<'b>, HeifError> {
        // SAFETY: it takes nothing.
        let context = unsafe { (self.functions.context_alloc)() };
        let context = self.owned(context, self.functions.context_free)?;
        let container = Container {
            context,
            bytes: std::marker::PhantomData,
        };
        container.limit(pixels, memory);
        // SAFETY: the context is alive, and `bytes` outlive it: it is bound to them.
        let outcome = unsafe {
            (self.functions.context_read_from_memory_without_copy)(
                container.context.object,
                bytes.as_ptr().cast(),
                bytes.len(),
                ptr::null(),
            )
        };
        result(&outcome)?;
        Ok(container)
    }

    fn owned(
        &'static self,
        object: Object,
        release: unsafe extern "C-unwind" fn(Object),
    ) -> Result<Owned, HeifError> {
        if object.is_null() {
            return Err(HeifError::Words("libheif is out of memory".to_owned()));
        }
        Ok(Owned {
            library: self,
            object,
            release,
        })
    }
}

/// An object of libheif's that is released in the end.
struct Owned {
    library: &'static Library,
    object: Object,
    release: unsafe extern "C-unwind" fn(Object),
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it is ours, it is not null, and nothing uses it any more.
        unsafe { (self.release)(self.object) };
    }
}

/// A file, opened.
pub(super) struct Container<'b> {
    context: Owned,
    bytes: std::marker::PhantomData<&'b [u8]>,
}

impl Container<'_> {
    fn limit(&self, pixels: u64, memory: u64) {
        let Owned {
            library, object, ..
        } = self.context;
        if let Some(set_threads) = library.set_threads {
            // SAFETY: the context is alive. No thread can be started in the sandbox.
            unsafe { set_threads(object, 0) };
        }
        let side = c_int::try_from(pixels.isqrt()).unwrap_or(c_int::MAX);
        // SAFETY: the context is alive. It takes the square root of a number of pixels.
        unsafe { (library.functions.context_set_maximum_image_size_limit)(object, side) };
        let Some(get_limits) = library.get_limits else {
            return;
        };
        // SAFETY: the context is alive; what is returned belongs to it and lives as long,
        // and all its versions begin with these fields.
        if let Some(limits) = unsafe { get_limits(object).as_mut() }
            && limits.version >= 1
        {
            limits.max_image_size_pixels = pixels;
            limits.max_number_of_tiles = PARTS.into();
            limits.max_items = PARTS;
            limits.max_memory_block_size = memory;
        }
    }

    /// The picture that the file is for.
    pub(super) fn primary(&self) -> Result<Picture<'_>, HeifError> {
        let library = self.context.library;
        let mut handle = ptr::null_mut();
        // SAFETY: the context is alive, and `handle` is where it puts a new object.
        let outcome = unsafe {
            (library.functions.context_get_primary_image_handle)(self.context.object, &mut handle)
        };
        result(&outcome)?;
        Picture::new(library, handle)
    }
}

/// A picture in a file, not decoded yet.
pub(super) struct Picture<'c> {
    handle: Owned,
    /// Width and height in pixels as it is shown.
    pub dimensions: (u32, u32),
    container: std::marker::PhantomData<&'c ()>,
}

impl<'c> Picture<'c> {
    fn new(library: &'static Library, handle: Object) -> Result<Self, HeifError> {
        let functions = &library.functions;
        let handle = library.owned(handle, functions.image_handle_release)?;
        // SAFETY: the handle is alive.
        let (width, height) = unsafe {
            (
                (functions.image_handle_get_width)(handle.object),
                (functions.image_handle_get_height)(handle.object),
            )
        };
        let side = |side: c_int| u32::try_from(side).unwrap_or(0);
        Ok(Self {
            handle,
            dimensions: (side(width), side(height)),
            container: std::marker::PhantomData,
        })
    }

    /// The smaller pictures of the same that the file holds as well.
    pub(super) fn thumbnails(&self) -> Vec<Picture<'c>> {
        let library = self.handle.library;
        let functions = &library.functions;
        let mut items = [0; THUMBNAILS];
        // SAFETY: the handle is alive, and there is room for so many numbers.
        let count = unsafe {
            (functions.image_handle_get_list_of_thumbnail_IDs)(
                self.handle.object,
                items.as_mut_ptr(),
                THUMBNAILS as c_int,
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        let open = |item: &u32| {
            let mut handle = ptr::null_mut();
            // SAFETY: the handle is alive, and `handle` is where it puts a new object.
            let outcome = unsafe {
                (functions.image_handle_get_thumbnail)(self.handle.object, *item, &mut handle)
            };
            result(&outcome).ok()?;
            Picture::new(library, handle).ok()
        };
        items.iter().take(count).filter_map(open).collect()
    }

    /// Whether some of it may be transparent.
    pub(super) fn has_alpha(&self) -> bool {
        // SAFETY: the handle is alive.
        unsafe {
            (self.handle.library.functions.image_handle_has_alpha_channel)(self.handle.object) != 0
        }
    }

    /// Decodes it to RGB, or RGBA where `alpha`, upright.
    pub(super) fn decode(&self, alpha: bool) -> Result<Pixels, HeifError> {
        let library = self.handle.library;
        let functions = &library.functions;
        let chroma = if alpha {
            INTERLEAVED_RGBA
        } else {
            INTERLEAVED_RGB
        };
        let mut image = ptr::null_mut();
        // SAFETY: the handle is alive, `image` is where it puts a new object, and a null
        // pointer asks for the default options.
        let outcome = unsafe {
            (functions.decode_image)(self.handle.object, &mut image, RGB, chroma, ptr::null())
        };
        result(&outcome)?;
        let image = library.owned(image, functions.image_release)?;
        let mut stride = 0;
        // SAFETY: the image is alive, and `stride` is where it puts a number.
        let (plane, width, height) = unsafe {
            (
                (functions.image_get_plane_readonly)(image.object, INTERLEAVED, &mut stride),
                (functions.image_get_width)(image.object, INTERLEAVED),
                (functions.image_get_height)(image.object, INTERLEAVED),
            )
        };
        let size = |number: c_int| usize::try_from(number).unwrap_or(0);
        let (stride, width, height) = (size(stride), size(width), size(height));
        let channels = if alpha { 4 } else { 3 };
        if plane.is_null() || width == 0 || height == 0 || stride < width * channels {
            let words = "libheif returned no pixels".to_owned();
            return Err(HeifError::Words(words));
        }
        Ok(Pixels {
            _image: image,
            plane,
            stride,
            width,
            height,
            channels,
        })
    }
}

/// A decoded picture, still in libheif's memory.
pub(super) struct Pixels {
    _image: Owned,
    plane: *const u8,
    stride: usize,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Bytes of one pixel: 3 for RGB, 4 for RGBA.
    pub channels: usize,
}

impl Pixels {
    /// One row, from the top: `width * channels` bytes.
    ///
    /// # Panics
    /// When there is no such row.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        assert!(row < self.height, "row {row} of {}", self.height);
        // SAFETY: libheif's plane has `height` rows, `stride` bytes apart, each of at least
        // `width * channels` bytes; it lives as long as the image, which this keeps alive.
        unsafe {
            std::slice::from_raw_parts(
                self.plane.add(row * self.stride),
                self.width * self.channels,
            )
        }
    }
}

fn result(outcome: &Outcome) -> Result<(), HeifError> {
    if outcome.code == 0 {
        return Ok(());
    }
    if UNSUPPORTED.contains(&outcome.code) && outcome.subcode == UNSUPPORTED_CODEC {
        return Err(HeifError::Codec);
    }
    let words = if outcome.message.is_null() {
        format!("libheif's error {}.{}", outcome.code, outcome.subcode)
    } else {
        // SAFETY: libheif's messages end with a zero byte, and live at least until the
        // next call on the object, which we hold.
        let message = unsafe { CStr::from_ptr(outcome.message) };
        message.to_string_lossy().into_owned()
    };
    Err(HeifError::Words(words))
}

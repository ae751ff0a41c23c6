//! Is a thread making a folder right now? The kernel does not say why it looks a name up,
//! and every query exists once it is looked up; so whoever makes one would be told that it is
//! there. What the thread is doing is asked of `/proc` (see `proc(5)`).

use std::ffi::CStr;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

use nix::libc;

/// How often a thread that is about to sleep is asked again, and the pause between.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_micros(50);

/// The longest path that the kernel takes.
const LONGEST_PATH: usize = 4096;

/// Whether the thread is inside `mkdir(2)` or `mkdirat(2)` for a folder of this name. Where
/// another user's process, or a hardened kernel, does not let us look: whether it is the
/// program `mkdir`. Returns after a millisecond at the latest.
pub(crate) fn makes_folder(thread: u32, name: &str) -> bool {
    for _ in 0..TRIES {
        let Ok(call) = fs::read_to_string(format!("/proc/{thread}/syscall")) else {
            let program = fs::read_to_string(format!("/proc/{thread}/comm"));
            return program.is_ok_and(|program| program.trim_end() == "mkdir");
        };
        // It has sent its request and does not sleep yet.
        if call.starts_with("running") {
            thread::sleep(PAUSE);
            continue;
        }
        return match path_argument(&call) {
            Some(address) => names(thread, address, name),
            None => false,
        };
    }
    false
}

/// The address of the path, if a line of `/proc/PID/syscall` is of a call that makes a
/// folder: its number, and its arguments in hexadecimal.
fn path_argument(call: &str) -> Option<u64> {
    let mut fields = call.split_whitespace();
    let number: i64 = fields.next()?.parse().ok()?;
    let argument = match number {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => fields.next(),
        libc::SYS_mkdirat => fields.nth(1),
        _ => None,
    };
    u64::from_str_radix(argument?.trim_start_matches("0x"), 16).ok()
}

/// Whether the path at an address ends in this name: a thread that makes a folder deeper
/// down looks up the names above as well. A path that cannot be read is taken for one.
fn names(thread: u32, address: u64, name: &str) -> bool {
    let mut bytes = [0; LONGEST_PATH];
    let read = File::open(format!("/proc/{thread}/mem"))
        .and_then(|memory| memory.read_at(&mut bytes, address));
    let path = read.ok().and_then(|read| {
        let path = CStr::from_bytes_until_nul(&bytes[..read]).ok()?;
        path.to_str().ok()
    });
    path.is_none_or(|path| last_name(path) == name)
}

fn last_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_that_make_folders_have_a_path() {
        let mkdirat = libc::SYS_mkdirat;
        let line = format!("{mkdirat} 0xffffff9c 0x7ffd1000 0x1ff 0x0 0x0 0x0 0x7ffd 0x7f");
        assert_eq!(path_argument(&line), Some(0x7ffd_1000));
        let stat = libc::SYS_statx;
        let line = format!("{stat} 0xffffff9c 0x7ffd1000 0x1ff 0x0 0x0 0x0 0x7ffd 0x7f");
        assert_eq!(path_argument(&line), None);
        assert_eq!(path_argument("-1 0x7ffd 0x7f"), None);
        assert_eq!(path_argument(""), None);
    }

    #[test]
    fn the_last_name_of_a_path_is_told() {
        assert_eq!(last_name("/mnt/search/red car//"), "red car");
        assert_eq!(last_name("red car"), "red car");
    }

    #[test]
    fn this_thread_makes_no_folder() {
        assert!(!makes_folder(std::process::id(), "red car"));
        assert!(!makes_folder(u32::MAX, "red car"));
    }
}

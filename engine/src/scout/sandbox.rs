//! What a scout gives up before it looks at anything: it cannot write, connect, start or
//! signal, and ends with its host.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;

use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Address space in bytes: the program itself and some buffers. What is read lies in
/// `memfd`s, which do not count.
const ADDRESS_SPACE: u64 = 256 << 20;

/// Descriptors: the standard ones, the socket, one folder, one file, its copy.
const DESCRIPTORS: u64 = 32;

/// What would make `openat` more than a look.
const WRITING: i32 =
    libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | (libc::O_TMPFILE & !libc::O_DIRECTORY);

/// System calls of a process that looks at files, copies what it reads into memory, and
/// answers. `openat` is allowed as well, for reading only.
const ALLOWED: &[i64] = &[
    // looking
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_statfs,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    // copying, talking to the host
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fcntl,
    libc::SYS_memfd_create,
    // memory
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    // the runtime
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Enters the sandbox; there is no way back. Closes every descriptor but the standard
/// ones and `socket`.
///
/// # Errors
/// When a limit cannot be set. A kernel without seccomp is no error.
pub(super) fn enter(socket: RawFd) -> io::Result<()> {
    // A host that died must not leave its scouts behind.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    close_all_but(socket);
    umask(Mode::from_bits_truncate(0o777));
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS)?;
    setrlimit(Resource::RLIMIT_AS, ADDRESS_SPACE, ADDRESS_SPACE)?;
    prctl::set_no_new_privs()?;
    match filter() {
        Some(filter) => match seccompiler::apply_filter(&filter) {
            Ok(()) | Err(seccompiler::Error::Prctl(_) | seccompiler::Error::Seccomp(_)) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        },
        None => Ok(()),
    }
}

/// Closes what was inherited by mistake. A kernel before 5.9 cannot, and Rust's own
/// descriptors are never inherited.
fn close_all_but(socket: RawFd) {
    let Ok(socket) = u32::try_from(socket) else {
        return;
    };
    let above_standard = libc::STDERR_FILENO.unsigned_abs() + 1;
    let below = (above_standard, socket.saturating_sub(1));
    let above = (above_standard.max(socket.saturating_add(1)), u32::MAX);
    for (first, last) in [below, above] {
        if first <= last {
            // SAFETY: this process has one thread and owns no descriptor in these ranges:
            // the standard ones lie below, and the socket between them.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        }
    }
}

/// The filter, or nothing on an architecture for which none can be made.
fn filter() -> Option<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let mut rules: BTreeMap<_, _> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let only_reading = SeccompCondition::new(
        2,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(u64::from(WRITING.unsigned_abs())),
        0,
    );
    let only_reading = SeccompRule::new(vec![only_reading.ok()?]).ok()?;
    rules.insert(libc::SYS_openat, vec![only_reading]);
    // A call that does not exist: no answer of a filesystem looks like that.
    let refuse = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture).ok()?;
    filter.try_into().ok()
}

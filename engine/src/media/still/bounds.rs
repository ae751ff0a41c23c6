//! What a program of others gives up before it looks at a stranger's video.
//!
//! Less than a worker: which system calls ffmpeg makes is not ours to list. What it is
//! refused is what it never needs, and what would let it reach anything: sockets, files
//! opened for writing, names changed, other processes.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// System calls that are refused, whatever their arguments.
const REFUSED: &[i64] = &[
    // the network, and sockets of this machine
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_io_uring_setup,
    // changes below any folder
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
    libc::SYS_openat2,
    libc::SYS_unlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mknodat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    // other processes, and the machine
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
];

/// Limits and a filter, made before the fork: behind it nothing may be allocated.
pub(super) struct Bounds {
    memory: u64,
    seconds: u64,
    filter: Option<BpfProgram>,
}

impl Bounds {
    /// `memory` is its address space in bytes.
    pub(super) fn new(memory: u64, deadline: Duration) -> Self {
        Self {
            memory,
            // A backstop, for when nobody is left who keeps the deadline.
            seconds: deadline.as_secs().saturating_add(1),
            filter: filter(),
        }
    }

    /// Enters; there is no way back, also not for a program that is started from here.
    pub(super) fn enter(&self) -> io::Result<()> {
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
        setrlimit(Resource::RLIMIT_NOFILE, 64, 64)?;
        setrlimit(Resource::RLIMIT_CPU, self.seconds, self.seconds)?;
        setrlimit(Resource::RLIMIT_AS, self.memory, self.memory)?;
        prctl::set_no_new_privs()?;
        match &self.filter {
            // A kernel without seccomp is no error: the limits still hold.
            Some(filter) => match seccompiler::apply_filter(filter) {
                Ok(()) | Err(seccompiler::Error::Prctl(_) | seccompiler::Error::Seccomp(_)) => {
                    Ok(())
                }
                Err(_) => Err(io::ErrorKind::InvalidInput.into()),
            },
            None => Ok(()),
        }
    }
}

/// The filter, or nothing on an architecture for which none can be made.
fn filter() -> Option<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let mut rules: BTreeMap<_, _> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, writing(1)?);
    rules.insert(libc::SYS_openat, writing(2)?);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).ok()?;
    filter.try_into().ok()
}

/// Rules that match an opening that is more than a look, whose flags are this argument.
fn writing(argument: u8) -> Option<Vec<SeccompRule>> {
    let temporary = libc::O_TMPFILE & !libc::O_DIRECTORY;
    [
        libc::O_WRONLY,
        libc::O_RDWR,
        libc::O_CREAT,
        libc::O_TRUNC,
        temporary,
    ]
    .into_iter()
    .map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        let has_flag = SeccompCmpOp::MaskedEq(flag);
        let has_flag =
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, has_flag, flag).ok()?;
        SeccompRule::new(vec![has_flag]).ok()
    })
    .collect()
}

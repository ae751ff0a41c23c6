//! What a worker gives up before it touches a stranger's bytes.

use std::collections::BTreeMap;
use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// What makes `clone` start a thread of this process and not another process.
const THREAD: i32 = nix::libc::CLONE_VM | nix::libc::CLONE_SIGHAND | nix::libc::CLONE_THREAD;

/// System calls of a process that only reads what it has open, computes and answers.
/// There is no way in this list to open, connect, start, write to a path or signal
/// another process.
const ALLOWED: &[i64] = &[
    // reading the file, talking to the host
    nix::libc::SYS_read,
    nix::libc::SYS_write,
    nix::libc::SYS_recvmsg,
    nix::libc::SYS_sendmsg,
    nix::libc::SYS_recvfrom,
    nix::libc::SYS_sendto,
    nix::libc::SYS_pread64,
    nix::libc::SYS_lseek,
    nix::libc::SYS_close,
    nix::libc::SYS_fstat,
    nix::libc::SYS_statx,
    nix::libc::SYS_fcntl,
    // memory
    nix::libc::SYS_brk,
    nix::libc::SYS_mmap,
    nix::libc::SYS_munmap,
    nix::libc::SYS_mremap,
    nix::libc::SYS_mprotect,
    nix::libc::SYS_madvise,
    // the runtime
    nix::libc::SYS_futex,
    nix::libc::SYS_getrandom,
    nix::libc::SYS_clock_gettime,
    nix::libc::SYS_sched_yield,
    nix::libc::SYS_sched_getaffinity,
    nix::libc::SYS_getpid,
    nix::libc::SYS_gettid,
    nix::libc::SYS_rt_sigaction,
    nix::libc::SYS_rt_sigprocmask,
    nix::libc::SYS_rt_sigreturn,
    nix::libc::SYS_sigaltstack,
    nix::libc::SYS_restart_syscall,
    // threads of decoders, which some start whatever they are told; and see `filter`
    nix::libc::SYS_set_robust_list,
    nix::libc::SYS_rseq,
    // its own deadline
    nix::libc::SYS_setitimer,
    #[cfg(target_arch = "x86_64")]
    nix::libc::SYS_alarm,
    nix::libc::SYS_exit,
    nix::libc::SYS_exit_group,
];

/// Enters the sandbox; there is no way back.
///
/// # Errors
/// When a limit cannot be set. A kernel without seccomp is no error: the limits on
/// memory, files and time still hold.
pub(super) fn enter(address_space: u64) -> io::Result<()> {
    // No core dumps of other people's photos, no files written, few files open.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, 16, 16)?;
    setrlimit(Resource::RLIMIT_AS, address_space, address_space)?;
    // The hook would format a backtrace into the closed standard error.
    std::panic::set_hook(Box::new(|_| ()));
    prctl::set_no_new_privs()?;
    match filter() {
        Some(filter) => match seccompiler::apply_filter(&filter) {
            Ok(()) | Err(seccompiler::Error::Prctl(_) | seccompiler::Error::Seccomp(_)) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        },
        None => Ok(()),
    }
}

/// The filter, or nothing on an architecture for which none can be made.
fn filter() -> Option<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let mut rules: BTreeMap<_, _> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let thread = u64::from(THREAD.unsigned_abs());
    let is_thread = SeccompCmpOp::MaskedEq(thread);
    let is_thread = SeccompCondition::new(0, SeccompCmpArgLen::Qword, is_thread, thread).ok()?;
    rules.insert(
        nix::libc::SYS_clone,
        vec![SeccompRule::new(vec![is_thread]).ok()?],
    );
    // A call that does not exist: for `clone3`, whose flags cannot be seen here, the C
    // library then takes `clone`.
    let refuse = SeccompAction::Errno(nix::libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture).ok()?;
    filter.try_into().ok()
}

//! How much way bulk work gives to everything else on the machine.
//!
//! Priorities are those of the calling thread; processes that it starts inherit them.

use nix::libc;
use serde::{Deserialize, Serialize};

/// How bulk work behaves beside others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Courtesy {
    /// It runs when nobody else wants the processor or the disk.
    #[default]
    Idle,
    /// It gets less than others, and always something.
    Low,
    /// It is like any other program.
    Normal,
}

/// `ioprio_set(2)`: a thread.
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
/// The class of I/O is above these bits.
const IOPRIO_CLASS_SHIFT: libc::c_int = 13;
const IOPRIO_CLASS_BEST_EFFORT: libc::c_int = 2;
const IOPRIO_CLASS_IDLE: libc::c_int = 3;
/// The lowest of the eight levels within a class.
const LOWEST_LEVEL: libc::c_int = 7;
/// `nice(2)` of low priority.
const LOW_NICE: libc::c_int = 10;

impl Courtesy {
    /// Gives the calling thread this priority for the processor and for disks. What the
    /// kernel does not allow stays as it is: less courtesy, and no error.
    pub fn apply(self) {
        match self {
            Self::Normal => {}
            Self::Low => {
                set_io(IOPRIO_CLASS_BEST_EFFORT, LOWEST_LEVEL);
                // SAFETY: plain numbers; 0 is the calling thread.
                unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, LOW_NICE) };
            }
            Self::Idle => {
                set_io(IOPRIO_CLASS_IDLE, 0);
                // SAFETY: `sched_param` is plain numbers, for which zero is valid.
                let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
                // SAFETY: the pointer is to a local; 0 is the calling thread.
                unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
            }
        }
    }
}

fn set_io(class: libc::c_int, level: libc::c_int) {
    let priority = class << IOPRIO_CLASS_SHIFT | level;
    // SAFETY: plain numbers; 0 is the calling thread.
    unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_work_is_idle_to_the_kernel_and_its_neighbour_is_not() {
        let policy = |courtesy: Courtesy| {
            std::thread::spawn(move || {
                courtesy.apply();
                // SAFETY: plain numbers; 0 is the calling thread.
                unsafe { libc::sched_getscheduler(0) }
            })
            .join()
            .unwrap()
        };
        assert_eq!(policy(Courtesy::Idle), libc::SCHED_IDLE);
        assert_eq!(policy(Courtesy::Normal), libc::SCHED_OTHER);
    }
}

//! Why faults of the storage cannot be had here, told apart, each with its cure.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};

use private_database::Program;

/// What mounts and unmounts for those who may not do it themselves.
const FUSERMOUNT: Program = Program {
    what: "program that mounts for a plain user",
    names: &["fusermount3"],
    variable: "FUSERMOUNT_PATH",
    folders: &["/bin", "/sbin"],
    advice: "install it (Debian: apt-get install fuse3), or run as root",
};

/// What unmounts for root.
const UMOUNT: Program = Program {
    what: "program that unmounts",
    names: &["umount"],
    variable: "HARNESS_UMOUNT",
    folders: &["/bin", "/sbin"],
    advice: "install it (Debian: apt-get install mount)",
};

/// The bit of `CAP_SYS_ADMIN`, without which not even root may mount (linux/capability.h).
const MAY_MOUNT: u32 = 21;

/// What it depends on.
struct Here {
    system: &'static str,
    is_built_in: bool,
    device: Result<(), io::Error>,
    is_root: bool,
    may_mount: bool,
    /// The advice where the program that is needed is missing.
    lacks: Option<String>,
}

/// Why faults of the storage cannot be had here, and what to do about it; none where they can. Looks
/// at the machine anew each time, and starts nothing.
#[must_use]
pub fn unavailable() -> Option<String> {
    let is_root = rustix::process::geteuid().is_root();
    let program = if is_root { UMOUNT } else { FUSERMOUNT };
    Here {
        system: std::env::consts::OS,
        is_built_in: cfg!(feature = "storage-faults"),
        device: OpenOptions::new().read(true).write(true).open("/dev/fuse").map(drop),
        is_root,
        may_mount: may_mount(&fs::read_to_string("/proc/self/status").unwrap_or_default()),
        lacks: program.find().err().map(|missing| missing.to_string()),
    }
    .lacks()
}

impl Here {
    fn lacks(&self) -> Option<String> {
        let Self { system, is_built_in, device, is_root, may_mount, lacks } = self;
        if *system != "linux" {
            return Some(format!(
                "it needs a file system of the harness's own, which it can serve on Linux only; this \
                 is {system}: run it in a Linux container or virtual machine"
            ));
        }
        if !is_built_in {
            return Some(
                "this harness is built without it; build it with `cargo build --features \
                 storage-faults`"
                    .to_owned(),
            );
        }
        match device {
            Ok(()) if *is_root && !may_mount => Some(
                "this container may not mount; start it with `--cap-add SYS_ADMIN --device /dev/fuse` \
                 (some also need `--security-opt apparmor=unconfined`)"
                    .to_owned(),
            ),
            Ok(()) => lacks.clone(),
            Err(error) => Some(no_device(error)),
        }
    }
}

fn no_device(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!(
            "there is no permission to open /dev/fuse ({}); `chmod 666 /dev/fuse` as root allows all \
             users, and a container needs `--device /dev/fuse`",
            crate::io_error::reason(error)
        ),
        // The node may be there without the module behind it.
        _ => format!(
            "/dev/fuse cannot be opened ({}); load the kernel's module with `modprobe fuse`, or give \
             the container the device with `--device /dev/fuse`",
            crate::io_error::reason(error)
        ),
    }
}

/// Whether the process of this `/proc/self/status` may mount.
fn may_mount(status: &str) -> bool {
    let mut lines = status.lines();
    let capabilities = lines.find_map(|line| line.strip_prefix("CapEff:"));
    capabilities
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .is_some_and(|bits| bits & 1 << MAY_MOUNT != 0)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Here, may_mount};

    /// A machine that has all that is needed.
    fn here() -> Here {
        Here {
            system: "linux",
            is_built_in: true,
            device: Ok(()),
            is_root: true,
            may_mount: true,
            lacks: None,
        }
    }

    #[track_caller]
    fn check(here: &Here, part: &str) {
        let why = here.lacks().unwrap();
        assert!(why.contains(part), "{why}");
    }

    #[test]
    fn what_is_missing_is_told_apart_and_cured() {
        assert_eq!(here().lacks(), None);
        assert_eq!(Here { is_root: false, may_mount: false, ..here() }.lacks(), None);
        check(&Here { system: "macos", ..here() }, "on Linux only; this is macos");
        check(&Here { is_built_in: false, ..here() }, "--features storage-faults");
        let device = |code| Err(io::Error::from_raw_os_error(code));
        check(&Here { device: device(2), ..here() }, "(no such file or directory); load");
        check(&Here { device: device(19), ..here() }, "(no such device); load");
        check(&Here { device: device(13), ..here() }, "no permission to open /dev/fuse");
        check(&Here { may_mount: false, ..here() }, "--cap-add SYS_ADMIN");
        let lacks = super::FUSERMOUNT.advice.to_owned();
        check(&Here { is_root: false, lacks: Some(lacks), ..here() }, "apt-get install fuse3");
    }

    #[test]
    fn capabilities_are_read_from_the_kernels_text() {
        assert!(may_mount("Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n"));
        assert!(!may_mount("CapEff:\t00000000a80425fb\n"), "a container of Docker as it is");
        assert!(!may_mount(""));
    }
}

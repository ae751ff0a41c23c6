//! Draws the sample pictures into a folder: `draw_samples DIR [N]`, N of each subject
//! (4 unless told). It only parses its arguments; the drawing is in `tests/samples`.

use std::path::Path;
use std::process::ExitCode;

#[allow(clippy::print_stdout, clippy::print_stderr)] // a program for a terminal
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = args.get(1).map_or(Ok(4), |n| n.parse());
    let (Some(dir), Ok(number), true) = (args.first(), number, args.len() <= 2) else {
        eprintln!("usage: draw_samples DIR [N]");
        return ExitCode::from(2);
    };
    match semfs_samples::write_all(Path::new(dir), number) {
        Ok(paths) => {
            println!("{} pictures in {dir}", paths.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("draw_samples: {dir}: {error}");
            ExitCode::FAILURE
        }
    }
}

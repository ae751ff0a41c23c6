//! `semfs completions` and `semfs man`: from the same definition as the arguments.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

pub(crate) fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "semfs", &mut script);
    Ok(io::Write::write_all(&mut io::stdout(), &script)?)
}

/// One page: the command, then each of its commands.
pub(crate) fn man() -> anyhow::Result<()> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for command in command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        if command.get_name() == "help" {
            continue;
        }
        let man = clap_mangen::Man::new(command.clone());
        let title = format!(".SH \"SEMFS {}\"\n", command.get_name().to_uppercase());
        page.extend_from_slice(title.as_bytes());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    Ok(io::Write::write_all(&mut io::stdout(), &page)?)
}

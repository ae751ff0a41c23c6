//! The commands and their arguments: one definition for parsing, help, completions and
//! the man page.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use semfs_daemon::models::{PRECISIONS, Precision};
use semfs_engine::duplicates::Tier;

/// Find pictures by what they show, through folders.
///
/// semfs indexes folders of photos with a small image-text model, offline and on the
/// CPU, and mounts the answers as folders:
///
///     ls "/mnt/semantic/search/red car"
///
/// Photos are opened read-only and never changed, moved or deleted.
#[derive(Debug, Parser)]
#[command(
    name = "semfs",
    version,
    max_term_width = 100,
    verbatim_doc_comment,
    after_help = "\
Examples:
  semfs index ~/Pictures                      index a folder, with a progress bar
  semfs search dog in the snow                the best matches, on the terminal
  semfs search -0 --top 50 beach | xargs -0 cp -t /tmp/beach
  semfs similar holiday.jpg                   photos that look like that picture
  semfs daemon ~/Pictures --mount ~/semantic  index, mount, and keep it up
  semfs dupes --tier exact                    copies, and what they take
  semfs model pull mobileclip-s2              fetch a better model; `semfs model use` it
  semfs status --problems                     what could not be read, and why

Configuration: ~/.config/semfs/semfs.toml or /etc/semfs/semfs.toml, described in
docs/CONFIGURATION.md. Log level: --verbose, --quiet, or SEMFS_LOG=debug."
)]
pub(crate) struct Cli {
    /// Read this configuration instead of the user's or the system's
    #[arg(long, short, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Keep the index in this folder, instead of the configured one
    #[arg(long, value_name = "FOLDER", global = true)]
    pub state: Option<PathBuf>,

    /// Log more; twice: everything
    #[arg(long, short, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// Log errors only, and show no progress
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Index folders of photos, then end
    ///
    /// Files that are as they were are not opened again; moved and copied ones are
    /// recognised by their content and cost no inference. What was done when the command
    /// is interrupted is kept. Looks again until nothing new arrives, unless --once.
    Index {
        /// Folders of photos, instead of the configured ones
        #[arg(value_name = "ROOT")]
        roots: Vec<PathBuf>,
        /// Look at every folder once, and end
        #[arg(long)]
        once: bool,
        /// Forget the index and make it anew (the photos are not touched)
        #[arg(long)]
        rebuild: bool,
    },

    /// Index, mount, and answer, until SIGTERM or Ctrl-C
    ///
    /// Runs in the foreground, as service managers want it. The mount is up at once and
    /// shows what is indexed so far.
    Daemon {
        /// Folders of photos, instead of the configured ones
        #[arg(value_name = "ROOT")]
        roots: Vec<PathBuf>,
        /// Mount here, instead of at the configured folder
        #[arg(long, value_name = "FOLDER")]
        mount: Option<PathBuf>,
    },

    /// Print the photos that fit a query best, best first
    ///
    /// Asks the running daemon; without one, opens the index itself. A query is English
    /// words; `cat + snow - dog` means both, and not that. Filters: date=2023-05..2024-01,
    /// camera=nikon, place=paris, type=raw, tag=family, in=FOLDER, shape=portrait. `top=50`
    /// limits; `min=0` shows what fits less well, too.
    Search {
        /// Print at most so many
        #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        top: Option<u32>,
        #[command(flatten)]
        format: Format,
        /// What the photos show
        #[arg(required = true, value_name = "QUERY")]
        query: Vec<String>,
    },

    /// Print the photos that look most like a picture, best first
    ///
    /// The picture may be any file, in the index or not; it is not taken into it. Below the
    /// mount, `similar/ROOT/PATH/` shows the same for photos of the index.
    Similar {
        /// Print at most so many
        #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        top: Option<u32>,
        #[command(flatten)]
        format: Format,
        /// The picture
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },

    /// Print groups of duplicates: what is the same, how that is known, what could be freed
    ///
    /// There are three kinds, and each is proven in its own way: `exact` (the same bytes),
    /// `same-photo` (the same shot: resized, recompressed, converted, turned) and `lookalike`
    /// (bursts and near twins, which are different photos). semfs deletes nothing;
    /// docs/DUPLICATES.md shows how to act on the list safely.
    Dupes(Dupes),

    /// Print what semfs knows and does
    Status {
        /// Print as JSON
        #[arg(long)]
        json: bool,
        /// List the files that could not be taken in, and why
        #[arg(long)]
        problems: bool,
    },

    /// Pin a query: list it in `search/` of the mount, for good
    ///
    /// Does what `mkdir search/QUERY` does in the mount, also where that is not possible:
    /// over SMB, or without a daemon. What is pinned is kept under its name as it is typed.
    Pin {
        /// What the photos show
        #[arg(required = true, value_name = "QUERY")]
        query: Vec<String>,
    },

    /// Take a query out of `search/` again, as `rmdir search/QUERY` does
    Unpin {
        /// Its name, as `semfs pins` prints it
        #[arg(required = true, value_name = "QUERY")]
        query: Vec<String>,
    },

    /// Print the pinned queries, one a line, in the order of pinning
    Pins {
        /// Print each photo that enters one from now on: the query, a tab, the path
        #[arg(long)]
        follow: bool,
    },

    /// Take folders out of the index; the photos are not touched
    ///
    /// For folders that are no longer wanted, or whose photos are really gone: an
    /// unreachable or empty folder is never forgotten by itself, nor is a large share of a
    /// folder's photos that went at once (say that with --missing).
    Forget {
        /// Forget only those of their files that are missing now
        #[arg(long)]
        missing: bool,
        /// Folders that were indexed, as `semfs status` prints them
        #[arg(required = true, value_name = "ROOT")]
        roots: Vec<PathBuf>,
    },

    /// Models: which there are, fetching one, choosing one
    ///
    /// A small model comes with semfs. Larger ones find better and cost more time a photo;
    /// docs/MODELS.md lists them, and `semfs model bench` measures them.
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },

    /// Print shell completions, e.g. `semfs completions bash`
    Completions {
        /// The shell
        shell: Shell,
    },

    /// Print the man page
    Man,

    /// Decode pictures for another semfs, over standard input
    #[command(hide = true)]
    Worker,

    /// Look at files for another semfs, over standard input
    #[command(hide = true)]
    Scout,

    /// Measure a model for another semfs
    #[command(hide = true)]
    Measure { runtime: PathBuf, model: PathBuf },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Print the models that are here, and those that can be pulled by name
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
        /// Check the files of models that were pulled or imported, by their hashes
        #[arg(long)]
        verify: bool,
    },

    /// Fetch a model from the Hugging Face hub
    ///
    /// Fetches only the files that are needed, checks them, and tries the model before it is
    /// put in its place. What is interrupted goes on with the same command. The index is not
    /// touched: `semfs model use` chooses the model. HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE,
    /// HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are respected.
    Pull {
        /// A name from the list, or OWNER/REPOSITORY[@REVISION] of the hub
        #[arg(value_name = "MODEL")]
        model: String,
        /// Call it so, instead of by its own name
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Which weights: full, half or int8
        #[arg(long, value_name = "PRECISION", value_parser = precisions(), default_value = "full", hide_possible_values = true)]
        precision: Precision,
    },

    /// Copy a model in from a folder, which is left as it is
    Import {
        /// A folder as the hub or immich lays them out, or with a manifest.toml
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// Call it so, instead of by its folder's name
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Which weights: full, half or int8
        #[arg(long, value_name = "PRECISION", value_parser = precisions(), default_value = "full", hide_possible_values = true)]
        precision: Precision,
    },

    /// Choose the model that photos are found with
    ///
    /// The model is tried first. Then all photos are looked at again in the background, by the
    /// daemon or by the next `semfs index`; until that is done, queries are answered with the
    /// model before. Pins, tags and what was decided are kept.
    Use {
        /// The model's name
        #[arg(value_name = "NAME")]
        name: String,
        /// Which weights of it: full, half, int8, or auto: int8 where it agrees well with full
        /// on your photos, and is faster
        #[arg(long, value_name = "PRECISION")]
        precision: Option<Weights>,
    },

    /// Measure the models that are here: photos a second, time of a text, memory
    Bench {
        /// Only these
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Measure with photos of this folder, instead of those of the index
        #[arg(long, value_name = "FOLDER")]
        photos: Option<PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },

    /// Remove a model that was pulled or imported
    Rm {
        /// The model's name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Which weights of a model are to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Weights {
    Full,
    Half,
    Int8,
    Auto,
}

fn precisions() -> impl TypedValueParser<Value = Precision> {
    PossibleValuesParser::new(PRECISIONS.map(|(name, _)| name))
        .try_map(|name| name.parse::<Precision>())
}

/// What is asked about duplicates.
#[derive(Debug, Clone, Args)]
pub(crate) struct Dupes {
    /// Only this kind: exact, same-photo or lookalike
    #[arg(long, value_name = "KIND", value_parser = tiers(), hide_possible_values = true)]
    pub tier: Option<Tier>,
    /// Print one JSON object, as docs/dupes.schema.json describes it
    #[arg(long)]
    pub json: bool,
    /// Print only the paths of surplus copies, each followed by a zero byte, for `xargs -0`
    ///
    /// Needs --tier: what one kind keeps may be surplus to another.
    #[arg(long, short = '0', requires = "tier", conflicts_with = "json")]
    pub null: bool,
    /// With -0: before each surplus path, print the path of the copy that is kept instead
    #[arg(long, requires = "null")]
    pub pairs: bool,
    /// Which copies of a group are kept: best, oldest, newest or in=FOLDER
    ///
    /// All others are surplus. `best` is the default: colour before grey, then the most
    /// pixels, then quality, metadata and age. `in=FOLDER` keeps every copy in that folder and leaves groups
    /// without one whole. What cannot be reached is never surplus.
    #[arg(long, value_name = "RULE")]
    pub keep: Option<OsString>,
    /// Show a group no more, by its id or the beginning of that (4 digits or more)
    #[arg(long, value_name = "ID", conflicts_with_all = ["tier", "json", "null", "keep"])]
    pub dismiss: Option<String>,
    /// List the groups that were dismissed: id, kind, time, number of contents, name
    #[arg(long, conflicts_with_all = ["tier", "null", "keep", "dismiss"])]
    pub dismissed: bool,
    /// Show a dismissed group again, by its id or the beginning of that
    #[arg(long, value_name = "ID", conflicts_with_all = ["tier", "json", "null", "keep", "dismiss", "dismissed"])]
    pub restore: Option<String>,
}

fn tiers() -> impl TypedValueParser<Value = Tier> {
    PossibleValuesParser::new(Tier::ALL.map(Tier::name)).try_map(|name| name.parse::<Tier>())
}

/// How results are printed. Without either: relevance and path, for people.
#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub(crate) struct Format {
    /// Print a JSON array of objects with rank, relevance, score and path
    #[arg(long)]
    pub json: bool,
    /// Print only paths, each followed by a zero byte, for `xargs -0`
    #[arg(long, short = '0')]
    pub null: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}

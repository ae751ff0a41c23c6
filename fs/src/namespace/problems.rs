//! `problems`: the files that could not be read, by what is wrong with them.

use std::collections::BTreeSet;

use semfs_engine::catalog::{FileKey, Finding, Stamp};
use semfs_engine::problem::{Problem, ProblemKind};

use super::answer::{file_name, part_folders};
use super::{Namespace, NamespaceError, failed};
use crate::directory::{Node, Place, View};
use crate::listing::{Entry, Reason};
use crate::names::Names;

impl Namespace {
    /// A folder for each kind of problem that a file has.
    pub(super) fn problem_kinds(&self, view: &View) -> Result<Vec<Entry>, NamespaceError> {
        let mut kinds = BTreeSet::new();
        self.each_problem(|_, _, problem| {
            kinds.insert(problem.kind);
        })?;
        let entries = kinds.into_iter().map(|kind| Entry {
            name: kind.to_string(),
            node: Node::view(view.at(Place::ProblemsOf { kind, part: None })),
            reason: Reason::default(),
        });
        Ok(entries.collect())
    }

    /// The files of one kind, in the order of their paths; or folders of parts of them.
    pub(super) fn problems_of(
        &self,
        view: &View,
        kind: ProblemKind,
        part: Option<u32>,
    ) -> Result<Vec<Entry>, NamespaceError> {
        let folder = self.settings.folder;
        let from = part.map_or(0, |part| (part as usize).saturating_mul(folder));
        let mut names = Names::default();
        let mut entries = Vec::new();
        let mut number = 0;
        self.each_problem(|file, stamp, problem| {
            if problem.kind != kind {
                return;
            }
            if (from..from + folder).contains(&number) {
                let path = self.index.absolute(&file);
                entries.push(Entry {
                    name: names.give(file_name(&path)),
                    node: self.file_node(path, file.root, stamp),
                    reason: Reason {
                        words: problem.reason.into(),
                        ..Reason::default()
                    },
                });
            }
            number += 1;
        })?;
        if entries.is_empty() {
            return Err(NamespaceError::NotFound);
        }
        if part.is_none() && number > folder {
            let part = |part| {
                view.at(Place::ProblemsOf {
                    kind,
                    part: Some(part),
                })
            };
            return Ok(part_folders(number, folder, part));
        }
        Ok(entries)
    }

    fn each_problem(
        &self,
        mut each: impl FnMut(FileKey, Stamp, Problem),
    ) -> Result<(), NamespaceError> {
        for entry in self.index.catalog().problems() {
            let (file, record) = entry.map_err(|error| failed(&error))?;
            // A record that became a photo since the list was begun is none.
            if let Finding::Problem(problem, _) = record.finding {
                each(file, record.stamp, problem);
            }
        }
        Ok(())
    }
}

//! What happens to a library: files come and go, move, change, and so do whole folders.

use std::fs;

use super::library::{File, Library, Place, write};
use super::written::Moment;

impl Library {
    /// Changes something; what, in words.
    pub fn change(&mut self) -> String {
        match self.random.below(12) {
            0..=2 => self.add(),
            3..=4 => self.delete(),
            5..=6 => self.move_one(),
            7 => self.move_folder(),
            8..=9 => self.overwrite(),
            _ => self.change_sidecar(),
        }
    }

    fn delete(&mut self) -> String {
        let place = self.any_file();
        fs::remove_file(self.path(&place)).unwrap();
        self.files.remove(&place);
        format!("delete {:?}", self.path(&place))
    }

    fn move_one(&mut self) -> String {
        let place = self.any_file();
        let extension = place.2.rsplit('.').next().unwrap_or_default().to_owned();
        let mut to = self.free_place(&extension);
        if self.random.chance(50) {
            // Only renamed, or only moved.
            let renamed = (place.0, place.1.clone(), to.2.clone());
            let moved = (to.0, to.1.clone(), place.2.clone());
            to = if self.random.chance(50) {
                renamed
            } else {
                moved
            };
        }
        if self.files.contains_key(&to) {
            return "nothing".into();
        }
        self.rename(&place, to)
    }

    fn rename(&mut self, from: &Place, to: Place) -> String {
        let (before, after) = (self.path(from), self.path(&to));
        fs::create_dir_all(after.parent().unwrap()).unwrap();
        fs::rename(&before, &after).unwrap();
        let file = self.files.remove(from).unwrap();
        self.files.insert(to, file);
        format!("move {before:?} to {after:?}")
    }

    /// A folder with all that is in it, to a name that is free, perhaps in the other root.
    fn move_folder(&mut self) -> String {
        let (root, folder, _) = self.any_file();
        let to_root = self.random.below(self.roots.len());
        let to = format!("moved {}", self.contents);
        self.contents += 1;
        if folder.is_empty() {
            return "nothing".into();
        }
        let (before, after) = (
            self.roots[root].join(&folder),
            self.roots[to_root].join(&to),
        );
        fs::rename(&before, &after).unwrap();
        let below = format!("{folder}/");
        let is_in =
            |place: &Place| place.0 == root && (place.1 == folder || place.1.starts_with(&below));
        let places: Vec<Place> = self
            .files
            .keys()
            .filter(|place| is_in(place))
            .cloned()
            .collect();
        for place in places {
            let file = self.files.remove(&place).unwrap();
            let folder = format!("{to}{}", &place.1[folder.len()..]);
            self.files.insert((to_root, folder, place.2), file);
        }
        format!("move the folder {before:?} to {after:?}")
    }

    fn overwrite(&mut self) -> String {
        let place = self.any_file();
        let modified = self.any_time();
        let content = self.content();
        let said = format!("overwrite {:?}", self.path(&place));
        let file = match self.files[&place].0 {
            File::Sidecar(_) => File::Sidecar(self.words()),
            _ => File::Photo(content),
        };
        if self.random.chance(50) {
            // In place, as careless programs do; its time says so.
            let modified = Some(Moment::any(&mut self.random));
            fs::write(self.path(&place), b"").unwrap();
            write(&self.path(&place), &file, modified);
            self.files.insert(place, (file, modified));
        } else {
            self.put(place, file, modified);
        }
        said
    }

    fn change_sidecar(&mut self) -> String {
        let is_sidecar = |(place, (file, _)): (&Place, &(File, Option<Moment>))| {
            matches!(file, File::Sidecar(_)).then(|| place.clone())
        };
        let sidecars: Vec<Place> = self.files.iter().filter_map(is_sidecar).collect();
        if sidecars.is_empty() || self.random.chance(40) {
            return self.put_sidecar();
        }
        let place = self.random.pick(&sidecars).clone();
        if self.random.chance(40) {
            fs::remove_file(self.path(&place)).unwrap();
            self.files.remove(&place);
            return format!("delete {:?}", self.path(&place));
        }
        let words = self.words();
        let said = format!("write {:?}", self.path(&place));
        self.put(place, File::Sidecar(words), None);
        said
    }
}

use super::*;
use crate::catalog::{FileRecord, Finding, MetadataRecord, Stamp};
use crate::media::{Facts, Format};
use crate::metadata::Metadata;
use crate::problem::{Problem, ProblemKind};

fn model() -> Model {
    Model::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/mini")).unwrap()
}

pub(super) fn open(state: &Path) -> Index {
    Index::open(state, &model()).unwrap()
}

pub(super) const FACTS: Facts = Facts {
    format: Format::Jpeg,
    width: 4,
    height: 3,
};

/// A unit vector along one axis.
pub(super) fn axis(number: u8) -> Vec<f32> {
    let mut vector = vec![0.0; 256];
    vector[usize::from(number)] = 1.0;
    vector
}

pub(super) fn put(transaction: &mut Transaction<'_>, root: RootId, number: u8) {
    let hash = [number; 32];
    transaction.add_content(hash, FACTS, &axis(number)).unwrap();
    put_file(transaction, root, number);
}

/// Puts a file of a content that is known.
fn put_file(transaction: &mut Transaction<'_>, root: RootId, number: u8) {
    let stamp = Stamp {
        size: 1,
        modified: 2,
        inode: 3,
    };
    let file = FileKey {
        root,
        folder: "a".into(),
        name: format!("{number}.jpg").into(),
    };
    let finding = Finding::Photo([number; 32]);
    transaction
        .put_file(file, FileRecord { stamp, finding })
        .unwrap();
}

/// The photos that a search along an axis gives, best first.
pub(super) fn search(index: &Index, number: u8) -> Vec<PathBuf> {
    let generation = index.generation();
    let hits = generation
        .vectors()
        .search(&axis(number), 10, &generation.alive())
        .unwrap();
    let photos = hits
        .iter()
        .filter_map(|hit| index.photo(&generation, hit.row).unwrap());
    photos.map(|photo| photo.path).collect()
}

#[test]
fn a_commit_publishes_photos_and_vectors_together_and_for_good() {
    let folder = tempfile::tempdir().unwrap();
    {
        let index = open(folder.path());
        let root = index.root(Path::new("/photos")).unwrap();
        let before = index.generation();
        let mut transaction = index.begin().unwrap();
        put(&mut transaction, root, 1);
        put(&mut transaction, root, 2);
        transaction.commit().unwrap();
        assert_eq!(before.vectors().len(), 0, "a reader keeps its generation");
        assert_eq!(search(&index, 2)[0], Path::new("/photos/a/2.jpg"));
    }
    let index = open(folder.path());
    assert_eq!(index.generation().totals().photos, 2);
    assert_eq!(search(&index, 1)[0], Path::new("/photos/a/1.jpg"));
}

#[test]
fn a_transaction_that_is_dropped_leaves_no_row_behind() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let root = index.root(Path::new("/photos")).unwrap();
    let mut transaction = index.begin().unwrap();
    put(&mut transaction, root, 1);
    drop(transaction);
    assert_eq!(index.generation().totals().rows, 0);
    let mut transaction = index.begin().unwrap();
    put(&mut transaction, root, 2);
    transaction.commit().unwrap();
    assert_eq!(search(&index, 2), [Path::new("/photos/a/2.jpg")]);
    assert_eq!(index.generation().vectors().content(0), Some([2; 32]));
}

/// A crash between the two stores: vectors are synced, the catalogue knows nothing.
#[test]
fn rows_that_were_never_committed_are_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    {
        let fingerprint = model().fingerprint().0;
        let vectors = folder.path().join("vectors");
        let mut store = VectorStore::open(&vectors, &fingerprint, 256, 0).unwrap();
        for number in 10..20 {
            store.append(&[number; 32], &axis(number)).unwrap();
        }
        store.sync().unwrap();
    }
    let index = open(folder.path());
    assert_eq!(index.generation().vectors().len(), 0);
    let root = index.root(Path::new("/photos")).unwrap();
    let mut transaction = index.begin().unwrap();
    put(&mut transaction, root, 1);
    transaction.commit().unwrap();
    assert_eq!(search(&index, 1), [Path::new("/photos/a/1.jpg")]);
}

#[test]
fn a_content_that_is_added_twice_has_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let root = index.root(Path::new("/photos")).unwrap();
    for _ in 0..2 {
        let mut transaction = index.begin().unwrap();
        put(&mut transaction, root, 1);
        put(&mut transaction, root, 1);
        transaction.commit().unwrap();
    }
    let totals = index.generation().totals();
    assert_eq!((totals.rows, totals.photos, totals.files), (1, 1, 1));
}

#[test]
fn missing_vectors_are_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    {
        let index = open(folder.path());
        let root = index.root(Path::new("/photos")).unwrap();
        let mut transaction = index.begin().unwrap();
        put(&mut transaction, root, 1);
        transaction.commit().unwrap();
    }
    fs::remove_dir_all(folder.path().join("vectors")).unwrap();
    let error = Index::open(folder.path(), &model())
        .unwrap_err()
        .to_string();
    assert!(error.contains("semfs index --rebuild"), "{error}");
    Index::erase(folder.path()).unwrap();
    assert_eq!(open(folder.path()).generation().totals().rows, 0);
}

#[test]
fn an_index_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let _index = open(folder.path());
    let error = Index::open(folder.path(), &model())
        .unwrap_err()
        .to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
}

#[test]
fn who_waits_for_the_next_generation_is_woken_by_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let root = index.root(Path::new("/photos")).unwrap();
    let before = index.generation().number();
    let short = Duration::from_millis(20);
    assert_eq!(index.wait_for_generation(before, short).number(), before);
    let long = Duration::from_secs(60);
    let since = Instant::now();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| index.wait_for_generation(before, long).number());
        std::thread::sleep(short);
        let mut transaction = index.begin().unwrap();
        put(&mut transaction, root, 1);
        transaction.commit().unwrap();
        assert!(waits.join().unwrap() > before);
    });
    assert!(since.elapsed() < long);
    assert!(index.wait_for_generation(before, long).number() > before);
}

/// Puts a photo of which no picture can be had, with a keyword.
fn put_unseen(transaction: &mut Transaction<'_>, root: RootId, number: u8, keyword: &str) {
    let hash = [number; 32];
    assert!(transaction.add_unseen(hash, FACTS).unwrap());
    let metadata = Metadata {
        keywords: vec![keyword.to_owned()],
        ..Metadata::default()
    };
    let problem = Problem::new(ProblemKind::Unsupported, "nobody decodes it");
    let record = MetadataRecord::new(metadata, Some((problem, 1)));
    transaction.put_metadata(hash, record).unwrap();
    put_file(transaction, root, number);
}

/// The rows with a keyword.
fn tagged(index: &Index, keyword: &str) -> Vec<u32> {
    let generation = index.generation();
    generation.facets().of_tag(keyword).iter().collect()
}

#[test]
fn a_photo_without_a_picture_is_found_by_what_it_says_and_not_by_its_looks() {
    let folder = tempfile::tempdir().unwrap();
    let root;
    {
        let index = open(folder.path());
        root = index.root(Path::new("/photos")).unwrap();
        let mut transaction = index.begin().unwrap();
        put(&mut transaction, root, 1);
        put_unseen(&mut transaction, root, 2, "sea");
        transaction.commit().unwrap();
    }
    let index = open(folder.path());
    let generation = index.generation();
    assert_eq!(
        (generation.totals().photos, generation.totals().problems),
        (2, 0)
    );
    assert_eq!(generation.newest().collect::<Vec<_>>(), [1, 0]);
    assert_eq!(search(&index, 2), [Path::new("/photos/a/1.jpg")]);
    assert_eq!(tagged(&index, "sea"), [1]);
    assert_eq!(generation.facets().blank().iter().collect::<Vec<_>>(), [1]);

    // The same once more is no other row; and a picture of it is one.
    let mut transaction = index.begin().unwrap();
    put_unseen(&mut transaction, root, 2, "snow");
    transaction.commit().unwrap();
    assert_eq!(
        (tagged(&index, "sea"), tagged(&index, "snow")),
        (vec![], vec![1])
    );
    let mut transaction = index.begin().unwrap();
    transaction.add_content([2; 32], FACTS, &axis(2)).unwrap();
    let seen = MetadataRecord::new(Metadata::default(), None);
    transaction.put_metadata([2; 32], seen).unwrap();
    transaction.commit().unwrap();
    let totals = index.generation().totals();
    assert_eq!((totals.rows, totals.photos, totals.files), (3, 2, 2));
    assert_eq!(search(&index, 2)[0], Path::new("/photos/a/2.jpg"));
    assert!(index.generation().facets().blank().is_empty());
    assert_eq!(index.generation().newest().collect::<Vec<_>>(), [2, 0]);
    // And it stays one.
    let mut transaction = index.begin().unwrap();
    assert!(!transaction.add_unseen([2; 32], FACTS).unwrap());
    drop(transaction);
    drop(generation);
    drop(index);
    assert_eq!(
        open(folder.path())
            .generation()
            .newest()
            .collect::<Vec<_>>(),
        [2, 0]
    );
}

#[test]
fn facets_follow_files_that_go_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let root = index.root(Path::new("/photos")).unwrap();
    let mut transaction = index.begin().unwrap();
    put_unseen(&mut transaction, root, 1, "sea");
    transaction.commit().unwrap();
    let before = index.generation();
    index.forget_root(root).unwrap();
    assert_eq!(tagged(&index, "sea"), [0_u32; 0]);
    assert!(
        before.facets().of_tag("sea").contains(0),
        "a reader keeps its generation"
    );
    let mut transaction = index.begin().unwrap();
    put_file(&mut transaction, root, 1);
    transaction.commit().unwrap();
    assert_eq!(tagged(&index, "sea"), [0]);
}

#[test]
fn an_index_without_facts_of_rows_gets_them_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    {
        let index = open(folder.path());
        let root = index.root(Path::new("/photos")).unwrap();
        let mut transaction = index.begin().unwrap();
        put(&mut transaction, root, 1);
        put_unseen(&mut transaction, root, 2, "sea");
        transaction.commit().unwrap();
        // As a version before there were any leaves it.
        index.catalog().forget_row_facts();
    }
    let index = open(folder.path());
    assert_eq!(tagged(&index, "sea"), [1]);
    assert_eq!(index.generation().number(), 1);
    assert!(index.catalog().row_facts(0).unwrap().is_some());
    let groups = index
        .generation()
        .facets()
        .groups()
        .get("jpeg")
        .map(|label| label.rows.len());
    assert_eq!(groups, Some(2));
}

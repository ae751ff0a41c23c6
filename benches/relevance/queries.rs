//! Photos that people have described: what was said of each, and queries that are held
//! against it. Knows captions and words, nothing of the model.
//!
//! A photo matches words when at least two of its captions have all of them, or synonyms,
//! whatever their endings: what only one of five people names is often hardly to be seen.

#![allow(dead_code)] // each benchmark is a program of its own and uses a part of this

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

/// Photos that the model has seen before, where this checkout has some beside it.
const PHOTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/photos");

/// Fewer photos say little.
const FEWEST_PHOTOS: usize = 100;

/// Queries with fewer matches say little.
pub const FEWEST: usize = 3;

/// Words that say nothing of a picture.
const SMALL: [&str; 20] = [
    "a", "an", "the", "in", "on", "of", "at", "with", "and", "is", "are", "to", "over", "into",
    "from", "through", "under", "by", "her", "his",
];

/// Single words.
pub const NOUNS: &str = "\
    dog, cat, man, woman, boy, girl, child, baby, snow, grass, beach, water, ball, mountain, \
    rock, bicycle, skateboard, soccer, basketball, football, baseball, tennis, hockey, \
    swimming pool, ocean, lake, river, boat, kayak, surfer, wave, skier, snowboarder, sled, \
    climber, motorcycle, car, bus, street, city, road, sidewalk, building, wall, fence, \
    bench, tree, forest, field, sand, desert, sunset, night, hat, helmet, sunglasses, \
    jacket, dress, shirt, bikini, costume, mask, guitar, microphone, camera, phone, book, \
    flag, crowd, swing, slide, trampoline, playground, fountain, waterfall, frisbee, stick, \
    toy, bird, horse, flower, table, chair, couch, bed, window, stairs, bridge, tent, fire, \
    ice cream, food, drink, beer, cake, umbrella, balloon, bubbles, kite, graffiti, shopping \
    cart, train, leash, running, jumping, swimming, climbing, sleeping, dancing, smiling, \
    eating, reading, fishing, kissing";

/// A few words.
pub const PHRASES: &str = "\
    black dog, brown dog, white dog, two dogs, three dogs, dog running on grass, dog in \
    snow, dog on the beach, dog in water, dog swimming, dog with a ball, dog jumping, dog \
    with a stick, dog catching a frisbee, black and white dog, dogs playing, dogs fighting, \
    two children, two women, two men, three people, group of people, little girl, little \
    boy, girl in a pink dress, girl in a red dress, girl on a swing, girl with sunglasses, \
    boy in a blue shirt, boy in a red shirt, boy with a ball, boy jumping, boy on a slide, \
    child on a trampoline, child on a swing, child in a swimming pool, children in water, \
    children playing, children running, child eating, baby in a bath, baby smiling, man in a \
    red shirt, man with a hat, man in a black shirt, man with a beard, man on a bench, man \
    with a guitar, man on a bicycle, man on a skateboard, man riding a wave, man climbing a \
    rock, man with a camera, man on a mountain, man in a boat, man on a motorcycle, man with \
    a dog, man and woman, man in a suit, man sitting, old man, woman in a white dress, woman \
    with a hat, woman in black, woman sitting on a bench, woman with a camera, woman with \
    sunglasses, woman with a child, woman smiling, young woman, asian woman, red jacket, \
    blue jacket, yellow shirt, orange shirt, pink shirt, red car, red hat, green grass, dirt \
    bike, bike race, bike jump, skateboard trick, skateboard ramp, snow mountain, snowy \
    hill, soccer player, football player, basketball player, tennis player, baseball player, \
    hockey player, football game, soccer ball, tennis ball, rock climber, person on a beach, \
    people at the beach, people on the street, people in the snow, people sitting at a \
    table, person jumping into water, person on a snowboard, skier in the air, snowboarder \
    in the air, surfer on a wave, person on a mountain, people in costumes, people dancing, \
    people walking, brick wall, horse race, dog race, red kayak";

/// Things that people rarely photograph in the street. Those of which a caption speaks are left out.
pub const ABSENT: &str = "\
    elephant, aeroplane cockpit, invoice, sushi, giraffe, zebra, rhinoceros, penguin, whale, \
    shark, octopus, jellyfish, lobster, crocodile, kangaroo, koala, camel, scorpion, \
    dinosaur skeleton, microscope, x-ray of a chest, satellite image, bar chart, screenshot \
    of a website, passport, receipt, business card, crossword puzzle, piano, violin, cello, \
    saxophone, harp, chess board, typewriter, washing machine, refrigerator, microwave oven, \
    dishwasher, toaster, spaghetti, fried eggs, pancakes, hamburger, strawberries, \
    pineapple, broccoli, cheese, wedding cake, northern lights, volcano erupting, rocket \
    launch, space station, solar panels, wind turbine, oil rig, nuclear power plant, \
    submarine, aircraft carrier, fighter jet, combine harvester, printed circuit board, \
    keyboard, toothbrush, lipstick, wristwatch, diamond ring, perfume bottle, mosque, \
    pyramid, castle on a hill, lighthouse, igloo, cemetery, dentist, courtroom, bowling \
    alley, casino, laundromat, attic, wine cellar, greenhouse, beehive, mushrooms, cactus, \
    bonsai, orchid, caterpillar, ladybird, moth, galaxy, eclipse, lightning, rainbow";

/// A word, and those that say it too.
const SYNONYMS: &str = "\
    dog puppy canine, cat kitten, man men guy, woman women lady ladies, child children kid \
    boy girl toddler baby, baby infant toddler, boy boys, girl girls, grass grassy lawn, \
    snow snowy, beach shore seashore, water ocean lake river pool sea wave stream pond surf \
    creek, ball soccerball basketball football baseball, mountain mountains hill cliff peak, \
    rock rocks rocky boulder cliff, bicycle bike bicyclist cyclist biker biking cycling, \
    bike bicycle bicyclist cyclist biker biking motorcycle cycling, dirt dirtbike motocross, \
    skateboard skateboarder skateboarding, ocean sea surf, lake pond, river stream creek, \
    boat kayak canoe raft sailboat, kayak kayaker canoe kayaking, surfer surfing surfboard \
    surf surfs, wave waves, skier ski skis skiing, snowboarder snowboard snowboarding, \
    snowboard snowboarder snowboarding, sled sledding, climber climbing climbs climb climbed \
    rappelling, climbing climber climbs climb climbed, motorcycle motorbike motorcyclist \
    dirtbike motocross, car truck vehicle suv van, street road sidewalk, road street, \
    building buildings house, tree trees wood forest, forest wood woods trees, sand sandy \
    beach, hat cap, jacket coat, dress gown, shirt t-shirt tshirt top jersey, bikini \
    swimsuit bathing, costume costumes dressed outfit, phone cellphone telephone, crowd \
    crowded crowds, playground swing slide, flower flowers, couch sofa, stairs steps \
    staircase stair, bird birds duck seagull, fire flame campfire, drink drinking beer soda \
    beverage, eating eats eat, running runs run runner ran, jumping jumps jump leaping leaps \
    leap midair, jump jumping jumps leaping leaps midair, swimming swims swim swimmer pool, \
    dancing dance dances dancer, smiling smiles smile, reading reads read, kissing kiss \
    kisses, sleeping sleep sleeps asleep, person people man men woman women boy girl child \
    children lady guy someone player skier snowboarder surfer climber adult, people men \
    women children person boys girls kids crowd group, playing plays play, race racing races \
    racer, player players, old older elderly, little small young, brown tan, air midair, \
    bath tub bathtub, riding rides ride, fighting fight wrestle wrestling biting, catching \
    catches catch, walking walk walks, sitting sits sit seated, group crowd";

/// Photos, and what people say of them.
pub struct Captions {
    /// A folder with `images/` and `captions.tsv`.
    pub folder: PathBuf,
    /// Names in `images/`, in order.
    pub files: Vec<String>,
    /// The captions of each.
    pub texts: Vec<Vec<String>>,
    stems: Vec<Vec<HashSet<String>>>,
    synonyms: HashMap<String, Vec<String>>,
}

impl Captions {
    /// Those of SEMFS_BENCH_CAPTIONS, or of the photos beside this checkout; or a sentence
    /// why there are none.
    pub fn read() -> Result<Self, String> {
        let folder = std::env::var_os("SEMFS_BENCH_CAPTIONS").map_or(PHOTOS.into(), PathBuf::from);
        let list = folder.join("captions.tsv");
        let lines = fs::read_to_string(&list)
            .map_err(|error| format!("{}: {error}; there are no captions", list.display()))?;
        let mut files: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (file, caption) in lines.lines().filter_map(|line| line.split_once('\t')) {
            files.entry(file).or_default().push(caption.to_owned());
        }
        let images = folder.join("images");
        files.retain(|file, _| images.join(file).is_file());
        if files.len() < FEWEST_PHOTOS {
            return Err(format!(
                "{} has fewer than {FEWEST_PHOTOS} photos",
                images.display()
            ));
        }
        let stems = files.values().map(|texts| {
            let texts = texts.iter().map(|text| words(text).collect());
            texts.collect()
        });
        let synonyms = SYNONYMS
            .split(',')
            .map(|line| words(line).collect::<Vec<_>>())
            .map(|line| (line[0].clone(), line));
        Ok(Self {
            stems: stems.collect(),
            synonyms: synonyms.collect(),
            files: files.keys().map(|file| (*file).to_owned()).collect(),
            texts: files.into_values().collect(),
            folder,
        })
    }

    /// How many captions of each photo say it.
    pub fn said(&self, query: &str) -> Vec<usize> {
        let wanted = words(query).filter(|word| !SMALL.contains(&word.as_str()));
        let wanted: Vec<Vec<String>> = wanted
            .map(|word| self.synonyms.get(&word).cloned().unwrap_or(vec![word]))
            .collect();
        let says = |caption: &HashSet<String>| {
            let mut wanted = wanted.iter();
            wanted.all(|any| any.iter().any(|word| caption.contains(word)))
        };
        let count = |photo: &Vec<HashSet<String>>| photo.iter().filter(|it| says(it)).count();
        self.stems.iter().map(count).collect()
    }
}

/// The words of a text without their endings.
fn words(text: &str) -> impl Iterator<Item = String> {
    let lower = text.to_lowercase();
    let words: Vec<String> = lower
        .split(|c: char| !c.is_ascii_lowercase() && c != '-')
        .filter(|word| !word.is_empty())
        .map(stem)
        .collect();
    words.into_iter()
}

fn stem(word: &str) -> String {
    let cut = ["ing", "ed", "es", "s"]
        .iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .find(|rest| rest.len() >= 3 && !word.ends_with("ss"));
    let mut word = cut.unwrap_or(word).to_owned();
    let last: Vec<u8> = word.bytes().rev().take(2).collect();
    if word.len() > 3 && last[0] == last[1] && !b"sl".contains(&last[0]) {
        word.pop();
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
    word
}

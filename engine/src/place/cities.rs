//! Large cities, by the names that people use.
//!
//! The table of towns has the parts of large cities as towns of their own, and says of few of
//! them what they are parts of. This list says it: names in English and in the city's own
//! language (its Latin spelling), the middle in degrees, and how far the city reaches in
//! kilometres. Circles are rough, so they are drawn tight: a suburb is not the city.

/// A large city.
struct City {
    names: &'static [&'static str],
    latitude: f64,
    longitude: f64,
    reach: f64,
}

const fn city(names: &'static [&'static str], latitude: f64, longitude: f64, reach: f64) -> City {
    City {
        names,
        latitude,
        longitude,
        reach,
    }
}

const CITIES: &[City] = &[
    city(&["Amsterdam"], 52.370, 4.895, 8.0),
    city(&["Athens", "Athina"], 37.980, 23.730, 7.0),
    city(&["Bangkok"], 13.750, 100.510, 15.0),
    city(&["Barcelona"], 41.395, 2.165, 6.0),
    city(&["Beijing"], 39.910, 116.400, 20.0),
    city(&["Berlin"], 52.515, 13.400, 16.0),
    city(&["Bogota", "Bogotá"], 4.650, -74.090, 12.0),
    city(&["Boston"], 42.350, -71.070, 6.0),
    city(&["Brussels", "Bruxelles", "Brussel"], 50.848, 4.352, 7.0),
    city(&["Bucharest", "București"], 44.435, 26.100, 9.0),
    city(&["Budapest"], 47.495, 19.055, 11.0),
    city(&["Buenos Aires"], -34.610, -58.440, 9.0),
    city(&["Cairo"], 30.045, 31.240, 12.0),
    city(&["Cape Town"], -33.925, 18.430, 10.0),
    city(&["Chicago"], 41.870, -87.650, 15.0),
    city(&["Cologne", "Köln"], 50.940, 6.960, 9.0),
    city(&["Copenhagen", "København"], 55.680, 12.570, 7.0),
    city(&["Delhi", "New Delhi"], 28.640, 77.210, 15.0),
    city(&["Dubai"], 25.170, 55.270, 16.0),
    city(&["Dublin"], 53.345, -6.265, 8.0),
    city(&["Florence", "Firenze"], 43.772, 11.255, 4.0),
    city(&["Frankfurt"], 50.110, 8.680, 8.0),
    city(&["Geneva", "Genève"], 46.204, 6.143, 4.0),
    city(&["Hamburg"], 53.555, 10.000, 13.0),
    city(&["Helsinki"], 60.175, 24.935, 8.0),
    city(&["Hong Kong"], 22.310, 114.170, 14.0),
    city(&["Istanbul", "İstanbul"], 41.030, 28.980, 16.0),
    city(&["Jakarta"], -6.200, 106.830, 14.0),
    city(&["Jerusalem"], 31.778, 35.220, 6.0),
    city(&["Kyoto"], 35.010, 135.765, 8.0),
    city(&["Las Vegas"], 36.150, -115.170, 10.0),
    city(&["Lisbon", "Lisboa"], 38.725, -9.150, 6.0),
    city(&["London"], 51.505, -0.120, 18.0),
    city(&["Los Angeles"], 34.050, -118.280, 16.0),
    city(&["Madrid"], 40.420, -3.695, 9.0),
    city(&["Manila"], 14.590, 120.985, 7.0),
    city(&["Marseille"], 43.295, 5.385, 7.0),
    city(&["Melbourne"], -37.815, 144.965, 12.0),
    city(&["Mexico City", "Ciudad de México"], 19.400, -99.150, 15.0),
    city(&["Miami"], 25.775, -80.210, 7.0),
    city(&["Milan", "Milano"], 45.465, 9.187, 7.0),
    city(&["Montreal", "Montréal"], 45.515, -73.590, 10.0),
    city(&["Moscow", "Moskva"], 55.752, 37.617, 16.0),
    city(&["Mumbai", "Bombay"], 19.070, 72.870, 16.0),
    city(&["Munich", "München"], 48.140, 11.570, 9.0),
    city(&["Naples", "Napoli"], 40.850, 14.260, 6.0),
    // Two circles, as a river and another state lie between what one would cover.
    city(&["New York"], 40.765, -73.975, 4.6),
    city(&["New York"], 40.715, -74.003, 2.6),
    city(&["New York"], 40.670, -73.930, 8.0),
    city(&["New York"], 40.840, -73.880, 6.0),
    city(&["Osaka"], 34.685, 135.505, 8.0),
    city(&["Oslo"], 59.915, 10.755, 7.0),
    city(&["Paris"], 48.857, 2.342, 5.6),
    city(&["Philadelphia"], 39.970, -75.155, 8.0),
    city(&["Prague", "Praha"], 50.080, 14.435, 9.0),
    city(&["Rio de Janeiro"], -22.930, -43.230, 12.0),
    city(&["Rome", "Roma"], 41.895, 12.490, 9.0),
    city(
        &["Saint Petersburg", "Sankt-Peterburg"],
        59.935,
        30.320,
        12.0,
    ),
    city(&["San Francisco"], 37.765, -122.440, 6.5),
    city(&["Santiago"], -33.450, -70.660, 12.0),
    city(&["São Paulo", "Sao Paulo"], -23.560, -46.640, 15.0),
    city(&["Seattle"], 47.610, -122.335, 8.0),
    city(&["Seoul"], 37.560, 126.990, 13.0),
    city(&["Seville", "Sevilla"], 37.388, -5.985, 5.0),
    city(&["Shanghai"], 31.230, 121.475, 16.0),
    city(&["Singapore"], 1.350, 103.820, 18.0),
    city(&["Stockholm"], 59.325, 18.070, 7.0),
    city(&["Stuttgart"], 48.778, 9.180, 6.0),
    city(&["Sydney"], -33.870, 151.205, 12.0),
    city(&["Taipei"], 25.045, 121.540, 8.0),
    city(&["Tokyo", "Tōkyō"], 35.685, 139.740, 14.0),
    city(&["Toronto"], 43.685, -79.390, 12.0),
    city(&["Vancouver"], 49.260, -123.115, 7.0),
    city(&["Venice", "Venezia"], 45.437, 12.332, 4.0),
    city(&["Vienna", "Wien"], 48.208, 16.370, 10.0),
    city(&["Warsaw", "Warszawa"], 52.230, 21.010, 10.0),
    city(&["Washington"], 38.905, -77.025, 7.0),
    city(&["Zurich", "Zürich"], 47.375, 8.540, 6.0),
];

/// Kilometres of one degree of latitude.
const DEGREE: f64 = 111.195;

/// The names of the large city in which a position in degrees lies; none if it is in none.
#[must_use]
pub fn city_names(latitude: f64, longitude: f64) -> &'static [&'static str] {
    let shrink = latitude.to_radians().cos();
    let found = CITIES.iter().find(|city| {
        let north = (latitude - city.latitude) * DEGREE;
        let east = (longitude - city.longitude) * DEGREE * shrink;
        north.hypot(east) <= city.reach
    });
    found.map_or(&[], |city| city.names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landmarks_are_in_their_cities() {
        for (latitude, longitude, name) in [
            (40.758, -73.9855, "New York"),
            (40.7061, -73.9969, "New York"),
            (48.8584, 2.2945, "Paris"),
            (51.5007, -0.1246, "London"),
            (50.9413, 6.9583, "Köln"),
            (50.0875, 14.4213, "Praha"),
            (34.1016, -118.3267, "Los Angeles"),
            (45.4642, 9.19, "Milano"),
            (41.4036, 2.1744, "Barcelona"),
            (35.6586, 139.7454, "Tokyo"),
            (-33.8568, 151.2153, "Sydney"),
        ] {
            assert!(city_names(latitude, longitude).contains(&name), "{name}");
        }
        // Weehawken, Versailles and the open sea.
        for (latitude, longitude) in [(40.769, -74.040), (48.805, 2.120), (45.0, -30.0)] {
            assert_eq!(city_names(latitude, longitude), [""; 0]);
        }
    }
}

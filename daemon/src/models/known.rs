//! The models that semfs knows by name, without asking anybody: where they can be had, and what
//! each is good for. Any other repository of a known layout can be pulled as well.

/// A model that can be pulled by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What semfs calls it.
    pub name: &'static str,
    /// The hub's repository.
    pub repository: &'static str,
    /// The terms of its weights, as its authors name them.
    pub licence: &'static str,
    /// Length of its vectors.
    pub dimension: usize,
    /// What a pull in full precision fetches, in MB, about.
    pub megabytes: u64,
    /// The languages of queries.
    pub languages: &'static str,
    /// What it is good for.
    pub purpose: &'static str,
}

const ENGLISH: &str = "English";

/// All of them, the smallest first.
pub const KNOWN: &[Known] = &[
    Known {
        name: "mobileclip-s0",
        repository: "Xenova/mobileclip_s0",
        licence: "Apple ML research",
        dimension: 512,
        megabytes: 220,
        languages: ENGLISH,
        purpose: "the fastest of these; a NAS without much of a processor",
    },
    Known {
        name: "mobileclip-s2",
        repository: "Xenova/mobileclip_s2",
        licence: "Apple ML research",
        dimension: 512,
        megabytes: 400,
        languages: ENGLISH,
        purpose: "as good as CLIP ViT-B/16, at a fraction of its work",
    },
    Known {
        name: "clip-vit-b-32",
        repository: "Xenova/clip-vit-base-patch32",
        licence: "MIT",
        dimension: 512,
        megabytes: 610,
        languages: ENGLISH,
        purpose: "the classic; best known, free licence",
    },
    Known {
        name: "immich-clip-vit-b-32",
        repository: "immich-app/ViT-B-32__openai",
        licence: "MIT",
        dimension: 512,
        megabytes: 610,
        languages: ENGLISH,
        purpose: "the default of immich: the same CLIP, in its layout",
    },
    Known {
        name: "siglip-base",
        repository: "Xenova/siglip-base-patch16-224",
        licence: "Apache-2.0",
        dimension: 768,
        megabytes: 815,
        languages: ENGLISH,
        purpose: "finer than CLIP, slower",
    },
    Known {
        name: "siglip2-base",
        repository: "onnx-community/siglip2-base-patch16-224-ONNX",
        licence: "Apache-2.0",
        dimension: 768,
        megabytes: 1540,
        languages: "many",
        purpose: "queries in many languages; finer than CLIP, slower",
    },
    Known {
        name: "immich-siglip2-b-16",
        repository: "immich-app/ViT-B-16-SigLIP2__webli",
        licence: "Apache-2.0",
        dimension: 768,
        megabytes: 1540,
        languages: "many",
        purpose: "the same SigLIP 2, in the layout of immich",
    },
];

/// The model of a name, if it is known.
#[must_use]
pub fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use semfs_engine::decisions::is_model_name;

    #[test]
    fn every_known_model_has_a_name_of_its_own_that_can_be_chosen() {
        for (at, model) in KNOWN.iter().enumerate() {
            assert!(is_model_name(model.name), "{}", model.name);
            assert_eq!(model.repository.matches('/').count(), 1);
            assert!(KNOWN[at + 1..].iter().all(|other| other.name != model.name));
            assert_eq!(known(model.name), Some(model));
        }
        assert!(KNOWN.is_sorted_by_key(|model| model.megabytes));
        assert_eq!(known("mini"), None);
    }
}

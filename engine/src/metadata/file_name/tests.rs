use super::*;

const NOW: i64 = 1_700_000_000; // 2023-11-14 22:13:20

fn found(name: &str) -> String {
    date_in(name, NOW).map_or_else(|| "none".into(), |taken| taken.local.to_string())
}

#[test]
fn names_of_phones_and_programs_have_dates() {
    for name in [
        "IMG_20230517_183000.jpg",
        "IMG20230517183000.jpg",
        "20230517_183000.jpg",
        "20230517_183000(0).jpg",
        "PXL_20230517_183000123.jpg",
        "PXL_20230517_183000123.MP.jpg",
        "VID_20230517_183000.mp4",
        "2023-05-17 18.30.00.jpg",
        "2023-05-17 18.30.00-1.jpg",
        "2023-05-17_18-30-00.jpg",
        "2023-05-17T18:30:00.jpg",
        "2023-05-17-18-30-00-123.jpg",
        "WhatsApp Image 2023-05-17 at 18.30.00.jpeg",
        "WhatsApp Image 2023-05-17 at 18.30.00 (1).jpeg",
        "Screenshot 2023-05-17 at 6.30.00 PM.png",
        "Screenshot_20230517-183000.png",
        "Screenshot_20230517-183000_Chrome.jpg",
        "Screenshot_2023-05-17-18-30-00-123_com.android.chrome.jpg",
        "Screenshot from 2023-05-17 18-30-00.png",
        "signal-2023-05-17-183000.jpeg",
        "signal-2023-05-17-18-30-00-123.jpg",
        "photo_2023-05-17_18-30-00.jpg",
        "DSC_20230517_183000.NEF",
        "WIN_20230517_18_30_00_Pro.jpg",
        "MVIMG_20230517_183000.jpg",
        "20230517T183000.dng",
        "IMG_20230517_183000_HDR.jpg",
        "FB_IMG_1684348200000.jpg",
        "mmexport1684348200000.jpg",
    ] {
        assert_eq!(found(name), "2023-05-17 18:30:00", "{name}");
    }
}

#[test]
fn a_name_may_have_a_day_only() {
    for name in [
        "IMG-20230517-WA0001.jpg",
        "VID-20230517-WA0001.mp4",
        "DSC_20230517.jpg",
        "DSC_20230517_0001.jpg",
        "2023-05-17.jpg",
        "2023-05-17",
        "2023.05.17.jpg",
        "2023_05_17 party.jpg",
        "Party 2023-05-17 (3).jpg",
        "20230517.jpg",
        "scan 20230517 2.jpg",
    ] {
        assert_eq!(found(name), "2023-05-17 00:00:00", "{name}");
    }
}

#[test]
fn other_numbers_are_no_dates() {
    for name in [
        "IMG_12345678.jpg",
        "IMG_20231332.jpg",
        "DSC00042.jpg",
        "IMG_0517.jpg",
        "18990517.jpg",
        "20240517.jpg",
        "1234520230517.jpg",
        "202305171.jpg",
        "a3f20230517b9c.jpg",
        "20230517abcdef0123.jpg",
        "d41d8cd98f00b204e9800998ecf8427e.jpg",
        "20230517-1234-4abc-8def-0123456789ab.jpg",
        "+49 20101112 345678.jpg",
        "0171 20101112.jpg",
        "2023-05-17x.jpg",
        "2023-5-17.jpg",
        "1684348200000.jpg",
        "FB_IMG_9999999999999.jpg",
        "",
        "é20230517é.jpg",
    ] {
        assert_eq!(found(name), "none", "{name}");
    }
}

#[test]
fn pixel_phones_write_utc() {
    let taken = date_in("PXL_20230517_163000123.jpg", NOW).unwrap();
    assert_eq!(taken.offset_minutes, Some(0));
    assert_eq!(taken.local.nanosecond, Some(123_000_000));
    assert_eq!(
        date_in("IMG_20230517_163000.jpg", NOW)
            .unwrap()
            .offset_minutes,
        None
    );
}

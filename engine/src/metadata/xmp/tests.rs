use super::*;

fn block(body: &str) -> String {
    format!(
        r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
        <x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF
          xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{body}</r:RDF></x:xmpmeta>"#
    )
}

#[test]
fn attributes_and_elements_say_the_same_whatever_the_prefix() {
    let attributes = block(
        r#"<r:Description a:Rating="4" b:DateCreated="2023-05-17T18:30:00+02:00"
          xmlns:a="http://ns.adobe.com/xap/1.0/" xmlns:b="http://ns.adobe.com/photoshop/1.0/"/>"#,
    );
    let elements = block(
        r#"<r:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/">
          <xmp:Rating>4</xmp:Rating>
          <q:DateCreated xmlns:q="http://ns.adobe.com/photoshop/1.0/">2023-05-17T18:30:00+02:00</q:DateCreated>
          </r:Description>"#,
    );
    let metadata = read(attributes.as_bytes());
    assert_eq!(metadata.rating, Some(4));
    assert_eq!(metadata.dates[0].offset_minutes, Some(120));
    assert_eq!(metadata, read(elements.as_bytes()));
}

#[test]
fn a_prefix_that_is_bound_to_another_address_means_nothing() {
    let other = block(r#"<r:Description xmp:Rating="4" xmlns:xmp="http://example.org/"/>"#);
    assert_eq!(read(other.as_bytes()).rating, None);
}

#[test]
fn lists_languages_and_references_are_read() {
    let metadata = read(
        block(
            r#"<r:Description xmlns:dc="http://purl.org/dc/elements/1.1/"
               xmlns:lr="http://ns.adobe.com/lightroom/1.0/">
             <dc:subject><r:Bag><r:li>sea &amp; sand</r:li><r:li>caf&#xE9;</r:li></r:Bag></dc:subject>
             <lr:hierarchicalSubject><r:Bag><r:li>Places|France|Paris</r:li></r:Bag></lr:hierarchicalSubject>
             <dc:title><r:Alt><r:li xml:lang="de">Strand</r:li><r:li xml:lang="x-default">Beach</r:li></r:Alt></dc:title>
             </r:Description>"#,
        )
        .as_bytes(),
    );
    assert_eq!(
        metadata.keywords,
        ["sea & sand", "café", "Places", "France", "Paris"]
    );
    assert_eq!(metadata.title.as_deref(), Some("Beach"));
}

#[test]
fn people_are_found_in_regions_and_pets_are_not() {
    let metadata = read(
        block(
            r#"<r:Description xmlns:g="http://www.metadataworkinggroup.com/schemas/regions/"
               xmlns:MP="http://ns.microsoft.com/photo/1.2/"
               xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
               xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
               xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
             <g:Regions r:parseType="Resource"><g:RegionList><r:Bag>
               <r:li><r:Description g:Name="Anna" g:Type="Face"><g:Area/></r:Description></r:li>
               <r:li r:parseType="Resource"><g:Type>Face</g:Type><g:Name>Ben</g:Name></r:li>
               <r:li g:Name="Rex" g:Type="Pet"/>
               <r:li g:Name="_Unknown_" g:Type="Face"/>
             </r:Bag></g:RegionList></g:Regions>
             <MP:RegionInfo r:parseType="Resource"><MPRI:Regions><r:Bag>
               <r:li MPReg:PersonDisplayName="Carla" MPReg:Rectangle="0,0,1,1"/>
             </r:Bag></MPRI:Regions></MP:RegionInfo>
             <e:PersonInImage><r:Bag><r:li>Dora</r:li></r:Bag></e:PersonInImage>
             </r:Description>"#,
        )
        .as_bytes(),
    );
    assert_eq!(metadata.people, ["Anna", "Ben", "Carla", "Dora"]);
}

#[test]
fn a_block_that_is_cut_off_keeps_what_came_before() {
    let whole = block(
        r#"<r:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject><r:Bag>
           <r:li>one</r:li><r:li>two</r:li></r:Bag></dc:subject></r:Description>"#,
    );
    let cut = &whole[..whole.find("two").unwrap()];
    assert_eq!(read(cut.as_bytes()).keywords, ["one"]);
}

#[test]
fn utf16_is_read() {
    let text = block(r#"<r:Description xmlns:x="http://ns.adobe.com/xap/1.0/" x:Rating="3"/>"#);
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(
        read(&[&[0xFE, 0xFF], wide.as_slice()].concat()).rating,
        Some(3)
    );
}

#[test]
fn hostile_blocks_end_quickly() {
    let started = std::time::Instant::now();
    let deep = "<a>".repeat(1 << 20);
    let prefixes: String = (0..60_000).map(|n| format!(" xmlns:p{n}='u'")).collect();
    let wide = format!("<a{prefixes}>{}</a>", "<q:b q:c='d'/>".repeat(100_000));
    let attributes = format!("<a{}/>", " b='c'".repeat(500_000));
    let laughs = r#"<!DOCTYPE a [<!ENTITY b "&c;&c;"><!ENTITY c "ha">]><a>&b;</a>"#;
    for text in [
        deep.as_str(),
        &wide,
        &attributes,
        laughs,
        "<",
        "&",
        "<a b='&",
    ] {
        assert_eq!(read(text.as_bytes()), Metadata::default());
    }
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

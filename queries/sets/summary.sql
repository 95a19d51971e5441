-- Contents of the study: every stimulus set, label scheme and category, and how the images of categories differ.
--
-- Read this table before any other. With more than two categories, unequal numbers of stimuli change every index
-- that compares a category with all other stimuli as one group, such as the response contrast; csi and
-- balanced_share weight the categories equally.
--
-- A category whose images are larger, wider or sharper than the others drives filters for that reason alone. `differs`
-- names such measures, with the probability that an image of the category exceeds an image of any other category (AUC;
-- 0.5 is no difference). It is null if no measure reaches 0.8 (or 0.2), or if the category or all others together
-- have fewer than 10 images. All images are resized to the network's input: larger ones become sharper, and those of
-- another aspect ratio are distorted unless the network's card or `extract --fit` keeps it.
--
-- Sharpness is the variance of the Laplacian of the grey levels, after the image was stretched to 224 x 224 pixels by
-- nearest neighbours. It was measured at ingestion; null in sets of older versions until images are added to them.
--
-- Source: sharpness as Pech-Pacheco et al. (2000), doi 10.1109/ICPR.2000.903548.
--
-- Columns
--   set           varchar
--   scheme        varchar
--   category      varchar  null for stimuli without a label
--   stimuli       bigint
--   proportion    double   stimuli / stimuli of the set
--   width         double   median, in pixels
--   height        double   median, in pixels
--   aspect_ratio  double   median of width / height
--   sharpness     double   median variance of the Laplacian, in squared grey levels; null if not measured
--   bytes         double   median size of the files
--   differs       varchar  measures by which the category differs from all others; null if none is clear
with measured as (
    select c.set, c.scheme, c.category, unnest([
        {'measure': 'size', 'value': (c.width * c.height)::double},
        {'measure': 'aspect ratio', 'value': c.width / c.height},
        {'measure': 'sharpness', 'value': c.sharpness}
    ], recursive := true)
    from catalogue c
    where c.category is not null
),
ranked as (
    select
        *,
        count(*) over whole as all_n,
        rank() over (partition by set, scheme, measure order by value)
        + (count(*) over (partition by set, scheme, measure, value) - 1) / 2 as middle_rank
    from measured
    where value is not null
    window whole as (partition by set, scheme, measure)
),
separation as (
    select
        set,
        scheme,
        category,
        measure,
        (avg(middle_rank) - (count(*) + 1) / 2) / (any_value(all_n) - count(*)) as auc
    from ranked
    group by set, scheme, category, measure
    having count(*) >= 10 and any_value(all_n) - count(*) >= 10
),
word as (
    select
        *,
        case measure
            when 'size' then if(auc > 0.5, 'larger', 'smaller')
            when 'aspect ratio' then if(auc > 0.5, 'wider', 'narrower')
            else if(auc > 0.5, 'sharper', 'blurrier')
        end as difference
    from separation
    where greatest(auc, 1 - auc) >= 0.8
),
difference as (
    select
        set,
        scheme,
        category,
        string_agg(difference || ' (AUC ' || format('{:.2f}', auc) || ')', ', ' order by measure) as differs
    from word
    group by set, scheme, category
),
class as (
    select
        set,
        scheme,
        category,
        count(*) as stimuli,
        count(*) / sum(count(*)) over (partition by set, scheme) as proportion,
        median(width) as width,
        median(height) as height,
        median(width / height) as aspect_ratio,
        median(sharpness) as sharpness,
        median(bytes) as bytes
    from catalogue
    group by set, scheme, category
)
select
    c.set,
    c.scheme,
    c.category,
    c.stimuli::bigint as stimuli,
    c.proportion::double as proportion,
    c.width::double as width,
    c.height::double as height,
    c.aspect_ratio::double as aspect_ratio,
    c.sharpness::double as sharpness,
    c.bytes::double as bytes,
    d.differs
from class c
left join difference d using (set, scheme, category)
order by c.set, c.scheme, c.category

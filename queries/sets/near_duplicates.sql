-- Pairs of stimuli to which the filters of one layer respond almost alike: copies of one picture.
--
-- A picture that was saved again, scaled or slightly cropped has other pixels, so ingestion takes it for another
-- stimulus. As two stimuli it counts twice, and in two categories it contradicts itself (`conflict`). Such copies evoke
-- nearly the same maxima: the distance of two stimuli is that of their responses, relative to the larger one,
-- norm(a - b) / max(norm(a), norm(b)), over all filters of a layer. It is 0 for the same responses.
--
-- The default threshold belongs to the deep layers of VGG16. In block5_conv3, JPEG copies of photographs of quality 60
-- and more had distances of up to 0.21, copies scaled to 80 % a median of 0.18, and copies without 3 % of every side a
-- median of 0.29; different photographs had at least 0.51. In early layers all distances are smaller: different
-- photographs in block2_conv2 had 0.15. Look at both images before you remove one. Images of the same object from the
-- same place, such as frames of a film, are near as well.
--
-- Up to 1,000 stimuli, all pairs are compared. In larger sets, only pairs are compared that share two of the five
-- filters with the strongest responses to each (standardised over the stimuli): none of the copies above was missed.
-- The images of one set are compared; the same image in two sets is not found.
--
-- Source: the maxima of all maps as the descriptor of an image are those of Tolias et al. (2016), arXiv:1511.05879.
--
-- Parameters
--   $layer      varchar = null       {layers.layer}  layer; the deepest one with maps, other than pools, if null
--   $distance   double  = 0.25       {0 or more}     largest distance
--   $statistic  varchar = 'maximum'  {@statistics}   statistic of the activation map
-- Columns
--   layer           varchar
--   stimulus_id     integer
--   category        varchar  null without a label
--   path            varchar  file of the image, as the study stores it
--   other_id        integer  stimulus_id of the other image
--   other_category  varchar  null without a label
--   other_path      varchar
--   distance        double   relative distance of the responses, 0 to 1
--   conflict        boolean  whether the two have different categories
with chosen as (
    select layer
    from layers
    where case when $layer is null then not is_pool else layer = $layer end
    and layer in (select distinct layer from responses)
    order by height * width > 1 desc, position desc
    limit 1
),
response as (
    select stimulus_id, filter, response
    from response_values($statistic)
    where layer = (from chosen)
),
stimulus as (
    select
        stimulus_id,
        list(response order by filter) as responses,
        sqrt(sum(response ** 2)) as strength,
        count(*) over () > 1000 as is_of_many
    from response
    group by stimulus_id
),
unit as (
    select filter, avg(response) as mean, stddev_pop(response) as deviation
    from response
    group by filter
),
strongest as (
    select r.stimulus_id, r.filter
    from response r
    join unit u using (filter)
    where u.deviation > 0 and (select bool_or(is_of_many) from stimulus)
    qualify row_number() over (
        partition by r.stimulus_id order by (r.response - u.mean) / u.deviation desc, r.filter
    ) <= 5
),
candidate as (
    select a.stimulus_id, b.stimulus_id as other_id
    from stimulus a
    join stimulus b on a.stimulus_id < b.stimulus_id
    where not a.is_of_many and not b.is_of_many
    union all
    select a.stimulus_id, b.stimulus_id as other_id
    from strongest a
    join strongest b on a.filter = b.filter and a.stimulus_id < b.stimulus_id
    group by a.stimulus_id, b.stimulus_id
    having count(*) >= 2
),
pair as (
    select
        c.stimulus_id,
        c.other_id,
        list_distance(a.responses, b.responses) as difference,
        greatest(a.strength, b.strength) as strength
    from candidate c
    join stimulus a on a.stimulus_id = c.stimulus_id
    join stimulus b on b.stimulus_id = c.other_id
)
select
    (from chosen) as layer,
    p.stimulus_id,
    l.category,
    s.path,
    p.other_id,
    m.category as other_category,
    t.path as other_path,
    coalesce(p.difference / nullif(p.strength, 0), 0) as distance,
    coalesce(l.category <> m.category, false) as conflict
from pair p
join stimuli s on s.stimulus_id = p.stimulus_id
join stimuli t on t.stimulus_id = p.other_id
left join labels l on l.stimulus_id = p.stimulus_id
left join labels m on m.stimulus_id = p.other_id
where p.difference <= $distance * p.strength
order by distance, p.stimulus_id, p.other_id

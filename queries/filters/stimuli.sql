-- The stimuli with the largest responses of one filter.
--
-- The stimuli are listed in the order of the filter's response. This is the quickest check of whether an index means
-- what it seems to mean. Unlabelled stimuli are listed too.
--
-- Source: figures with such lists for convolutional networks are in Girshick et al. (2014), arXiv:1311.2524, and Zhou
-- et al. (2015), arXiv:1412.6856.
--
-- Parameters
--   $layer      varchar              {layers.layer}  layer as the card names it
--   $filter     integer              {0 or more}     number of the filter, from 0
--   $count      integer = 12         {1 or more}     stimuli to list
--   $statistic  varchar = 'maximum'  {@statistics}   statistic of the activation map
-- Columns
--   rank         bigint   1 is the stimulus with the largest response
--   stimulus_id  integer
--   category     varchar  null if unlabelled
--   path         varchar  file of the image, as the study stores it
--   response     double   in the units of the network
--   normalised   double   (A - min) / (max - min) over all stimuli, null for a dead filter
with ranked as (
    select
        row_number() over (order by response desc, stimulus_id)::bigint as rank,
        stimulus_id,
        response,
        (response - min(response) over ()) / nullif(max(response) over () - min(response) over (), 0) as normalised
    from filter_responses($layer, $filter, $statistic)
)
select r.rank, r.stimulus_id, l.category, s.path, r.response, r.normalised
from ranked r
join stimuli s using (stimulus_id)
left join labels l using (stimulus_id)
where r.rank <= $count
order by r.rank

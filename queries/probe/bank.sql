-- What a bank of filters reports of every stimulus: a score for each of its categories, and the largest one.
--
-- `toolbox probe SET --filters 64 --save-bank bank.parquet` chooses filters and their weights. This query applies the
-- bank to the stored responses of any set: toolbox query probe/bank --table bank=bank.parquet --set SET. The score of a
-- stimulus for a category is the sum of intercept + weight * (root - middle) / spread over the filters of the bank and
-- the two statistics (maximum, mean), where root is the square root of the response, with its sign. About 1 means that
-- the stimulus belongs to the category, about 0 that it does not; a score is no probability.
--
-- The stimuli from which a bank was chosen score too high: `correct` is an honest accuracy only for a set whose images
-- the bank has not seen, and `toolbox probe` estimates it by cross-validation. A bank belongs to its network; filters
-- of another one have the same names, and other responses.
--
-- Source: the claim that filters of several layers classify together: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.
--
-- Columns
--   stimulus_id  integer
--   path         varchar  file of the image, as the study stores it
--   category     varchar  label of the stimulus; null without one
--   predicted    varchar  category of the largest score
--   score        double   the largest score
--   margin       double   largest score - second largest; small where the bank hesitates
--   correct      boolean  whether the label is the predicted category; null without a label
with term as (
    select
        r.stimulus_id,
        b.category,
        b.intercept,
        b.weight * (sign(r.response) * sqrt(abs(r.response)) - b.middle) / b.spread as value
    from (
        select layer, filter, stimulus_id, 'maximum' as statistic, response from response_values('maximum')
        union all
        select layer, filter, stimulus_id, 'mean' as statistic, response from response_values('mean')
    ) r
    join bank b
        on b.layer = r.layer
        and b.filter = r.filter
        and b.statistic = r.statistic
),
expected as (
    select category, count(*) as terms
    from bank
    group by category
),
scored as (
    select
        t.stimulus_id,
        t.category,
        case
            when count(*) = any_value(e.terms) then any_value(t.intercept) + sum(t.value)
            else error('the bank has filters without responses here; it belongs to the network it was chosen from')
        end as score
    from term t
    join expected e on e.category = t.category
    group by t.stimulus_id, t.category
),
ranked as (
    select
        stimulus_id,
        category,
        score,
        score - lead(score) over (partition by stimulus_id order by score desc, category) as margin,
        row_number() over (partition by stimulus_id order by score desc, category) as place
    from scored
)
select
    r.stimulus_id,
    s.path,
    l.category,
    r.category as predicted,
    r.score,
    r.margin,
    l.category = r.category as correct
from ranked r
join stimuli s on s.stimulus_id = r.stimulus_id
left join labels l on l.stimulus_id = r.stimulus_id
where r.place = 1
order by r.stimulus_id

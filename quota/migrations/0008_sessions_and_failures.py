import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_access_key_limits'),
        ('quota', '0007_alerts'),
    ]

    operations = [
        migrations.CreateModel(
            name='SessionRollup',
            fields=[
                ('input_tokens', models.BigIntegerField(default=0)),
                ('output_tokens', models.BigIntegerField(default=0)),
                ('cache_read_tokens', models.BigIntegerField(default=0)),
                ('cache_write_5m_tokens', models.BigIntegerField(default=0, verbose_name='cache write tokens (5 min)')),
                ('cache_write_1h_tokens', models.BigIntegerField(default=0, verbose_name='cache write tokens (1 h)')),
                ('web_searches', models.BigIntegerField(default=0)),
                ('cost_nano', models.BigIntegerField(default=0, verbose_name='cost (nano-dollars)')),
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('session', models.CharField(max_length=200)),
                ('access_key', models.CharField(blank=True, default='', help_text='Id of the key used.', max_length=100)),
                ('starts_at', models.DateTimeField(verbose_name='day (UTC)')),
                ('attempts', models.BigIntegerField(default=0, verbose_name='calls')),
                ('requests', models.BigIntegerField(default=0, verbose_name='calls sent')),
                ('failures', models.BigIntegerField(default=0, help_text='Those that counted against the breaker.')),
                ('expired', models.BigIntegerField(default=0, help_text='Those charged by estimate, because nobody settled them.')),
                ('unpriced', models.BigIntegerField(default=0, help_text='Those whose model no price list knows.')),
                ('tokens', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': "session's day",
                'verbose_name_plural': 'sessions by day',
                'ordering': ('-starts_at', '-id'),
            },
        ),
        migrations.AddField(
            model_name='attempt',
            name='session',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('verdict__in', ('failure', 'overloaded', 'rejected'))), fields=['account', '-granted_at'], name='attempt_failed_by_account'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('verdict__in', ('failure', 'overloaded', 'rejected'))), fields=['-granted_at', 'outcome'], name='attempt_failed_by_time'),
        ),
        migrations.AddField(
            model_name='sessionrollup',
            name='pool',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.pool'),
        ),
        migrations.AddIndex(
            model_name='sessionrollup',
            index=models.Index(fields=['-starts_at', '-id'], name='session_rollup_recent'),
        ),
        migrations.AddIndex(
            model_name='sessionrollup',
            index=models.Index(fields=['access_key', '-starts_at'], name='session_rollup_by_key'),
        ),
        migrations.AddIndex(
            model_name='sessionrollup',
            index=models.Index(fields=['pool', '-starts_at'], name='session_rollup_by_pool'),
        ),
        migrations.AddConstraint(
            model_name='sessionrollup',
            constraint=models.UniqueConstraint(fields=('session', 'access_key', 'starts_at', 'pool'), name='session_rollup_once_per_day'),
        ),
        migrations.AddConstraint(
            model_name='sessionrollup',
            constraint=models.CheckConstraint(condition=models.Q(('session', ''), _negated=True), name='session_rollup_has_session'),
        ),
        migrations.AddConstraint(
            model_name='sessionrollup',
            constraint=models.CheckConstraint(condition=models.Q(('attempts__gte', 0), ('cache_read_tokens__gte', 0), ('cache_write_1h_tokens__gte', 0), ('cache_write_5m_tokens__gte', 0), ('cost_nano__gte', 0), ('expired__gte', 0), ('failures__gte', 0), ('input_tokens__gte', 0), ('output_tokens__gte', 0), ('requests__gte', 0), ('tokens__gte', 0), ('unpriced__gte', 0), ('web_searches__gte', 0)), name='session_rollup_not_negative'),
        ),
        migrations.AddIndex(
            model_name='activity',
            index=models.Index(condition=models.Q(('error_type__gt', '')), fields=['error_type', '-started_at'], name='activity_by_error'),
        ),
    ]
